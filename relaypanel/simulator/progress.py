"""How an order runs in time: pure tables and arithmetic, no clock and no memory.

Other programs rely on these times: an order that can be refilled is Completed within 8
seconds, one that can be canceled stays untouched for 22 and is Completed by 26, and the
others take about 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relaypanel.contract import OrderWord


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """Seconds after placing at which each stretch begins; two equal ones skip the first."""

    processing_seconds: float
    in_progress_seconds: float
    delivery_seconds: float
    end_seconds: float
    end: OrderWord = OrderWord.COMPLETED

    def __post_init__(self) -> None:
        assert 0 < self.processing_seconds <= self.in_progress_seconds
        assert self.in_progress_seconds <= self.delivery_seconds <= self.end_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    course: Course
    quantity: int
    start_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """An order at one moment.  `start_count` is None until somebody has begun to work on it."""

    word: OrderWord
    start_count: int | None
    remains: int


ORDINARY: Final = Course(
    processing_seconds=1.5, in_progress_seconds=3, delivery_seconds=3, end_seconds=10
)
# For services with a refill, which can be asked for only after the end.
QUICK: Final = Course(
    processing_seconds=1, in_progress_seconds=1, delivery_seconds=1, end_seconds=7
)
# For services with a cancel: nothing is delivered for 23 seconds.
PATIENT: Final = Course(
    processing_seconds=2, in_progress_seconds=2, delivery_seconds=23, end_seconds=25
)
# For one post of a subscription.
POST: Final = Course(processing_seconds=1, in_progress_seconds=1, delivery_seconds=1, end_seconds=5)
STOPS_SHORT: Final = Course(
    processing_seconds=1.5,
    in_progress_seconds=3,
    delivery_seconds=3,
    end_seconds=10,
    end=OrderWord.PARTIAL,
)
CALLED_OFF: Final = Course(
    processing_seconds=1,
    in_progress_seconds=2,
    delivery_seconds=4,
    end_seconds=4,
    end=OrderWord.CANCELED,
)


def look(plan: Plan, *, elapsed_seconds: float) -> Look:
    """Return the order as it is `elapsed_seconds` after placing."""
    word = _word(plan.course, elapsed_seconds)
    begun = elapsed_seconds >= plan.course.in_progress_seconds
    return Look(
        word=word,
        start_count=plan.start_count if begun else None,
        remains=plan.quantity - _delivered(plan, elapsed_seconds),
    )


def undelivered(plan: Plan) -> int:
    """Return what is left over when the course has run to its end by itself."""
    if plan.course.end is OrderWord.CANCELED:
        return plan.quantity
    return plan.quantity // 3 if plan.course.end is OrderWord.PARTIAL else 0


def _word(course: Course, elapsed_seconds: float) -> OrderWord:
    if elapsed_seconds >= course.end_seconds:
        return course.end
    if elapsed_seconds >= course.in_progress_seconds:
        return OrderWord.IN_PROGRESS
    if elapsed_seconds >= course.processing_seconds:
        return OrderWord.PROCESSING
    return OrderWord.PENDING


def _delivered(plan: Plan, elapsed_seconds: float) -> int:
    course = plan.course
    whole = plan.quantity - undelivered(plan)
    if elapsed_seconds >= course.end_seconds:
        return whole
    if elapsed_seconds < course.delivery_seconds:
        return 0
    stretch_seconds = course.end_seconds - course.delivery_seconds
    return int(whole * (elapsed_seconds - course.delivery_seconds) / stretch_seconds)
