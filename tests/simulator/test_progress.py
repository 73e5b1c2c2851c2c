from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.contract import OrderWord
from relaypanel.simulator import progress
from relaypanel.simulator.progress import Course, Look, Plan

PENDING, PROCESSING, IN_PROGRESS = (
    OrderWord.PENDING,
    OrderWord.PROCESSING,
    OrderWord.IN_PROGRESS,
)
COMPLETED, PARTIAL, CANCELED = OrderWord.COMPLETED, OrderWord.PARTIAL, OrderWord.CANCELED

COURSES = (
    progress.ORDINARY,
    progress.QUICK,
    progress.PATIENT,
    progress.POST,
    progress.STOPS_SHORT,
    progress.CALLED_OFF,
)


class TestLook:
    @pytest.mark.parametrize(
        ("course", "elapsed_seconds", "word", "start_count", "remains"),
        [
            (progress.ORDINARY, 0, PENDING, None, 100),
            (progress.ORDINARY, 1.5, PROCESSING, None, 100),
            (progress.ORDINARY, 3, IN_PROGRESS, 7, 100),
            (progress.ORDINARY, 6.5, IN_PROGRESS, 7, 50),
            (progress.ORDINARY, 9.99, IN_PROGRESS, 7, 1),
            (progress.ORDINARY, 10, COMPLETED, 7, 0),
            (progress.ORDINARY, 1e9, COMPLETED, 7, 0),
            (progress.QUICK, 0.9, PENDING, None, 100),
            (progress.QUICK, 1, IN_PROGRESS, 7, 100),
            (progress.QUICK, 7, COMPLETED, 7, 0),
            (progress.PATIENT, 1.9, PENDING, None, 100),
            (progress.PATIENT, 22.9, IN_PROGRESS, 7, 100),
            (progress.PATIENT, 24, IN_PROGRESS, 7, 50),
            (progress.PATIENT, 25, COMPLETED, 7, 0),
            (progress.POST, 5, COMPLETED, 7, 0),
            (progress.STOPS_SHORT, 9.99, IN_PROGRESS, 7, 34),
            (progress.STOPS_SHORT, 10, PARTIAL, 7, 33),
            (progress.CALLED_OFF, 3.9, IN_PROGRESS, 7, 100),
            (progress.CALLED_OFF, 4, CANCELED, 7, 100),
        ],
    )
    def test_shows_the_stretch_it_is_in(
        self,
        course: Course,
        elapsed_seconds: float,
        word: OrderWord,
        start_count: int | None,
        remains: int,
    ) -> None:
        plan = Plan(course=course, quantity=100, start_count=7)

        seen = progress.look(plan, elapsed_seconds=elapsed_seconds)

        assert seen == Look(word=word, start_count=start_count, remains=remains)

    @given(
        course=st.sampled_from(COURSES),
        quantity=st.integers(1, 10**9),
        moments=st.lists(st.floats(0, 30), min_size=2),
    )
    def test_never_goes_back(self, course: Course, quantity: int, moments: list[float]) -> None:
        plan = Plan(course=course, quantity=quantity, start_count=7)

        seen = [progress.look(plan, elapsed_seconds=moment) for moment in sorted(moments)]

        steps = [PENDING, PROCESSING, IN_PROGRESS, course.end]
        assert [look.word for look in seen] == sorted((look.word for look in seen), key=steps.index)
        remains = [look.remains for look in seen]
        assert remains == sorted(remains, reverse=True)
        assert all(progress.undelivered(plan) <= left <= quantity for left in remains)


class TestUndelivered:
    @pytest.mark.parametrize(("quantity", "left"), [(1, 0), (2, 0), (3, 1), (10, 3), (100, 33)])
    def test_is_a_third_rounded_down_when_it_stops_short(self, quantity: int, left: int) -> None:
        plan = Plan(course=progress.STOPS_SHORT, quantity=quantity, start_count=7)

        assert progress.undelivered(plan) == left

    def test_is_all_when_it_is_called_off(self) -> None:
        plan = Plan(course=progress.CALLED_OFF, quantity=10, start_count=7)

        assert progress.undelivered(plan) == 10

    def test_is_nothing_otherwise(self) -> None:
        plan = Plan(course=progress.ORDINARY, quantity=10, start_count=7)

        assert progress.undelivered(plan) == 0


class TestCourse:
    def test_refuses_stretches_out_of_order(self) -> None:
        with pytest.raises(AssertionError):
            Course(processing_seconds=2, in_progress_seconds=1, delivery_seconds=3, end_seconds=4)
