"""A customer's refills as a list, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from relaypanel.orders.history import COUNTED_MAX
from relaypanel.orders.models import OPEN_REFILL, Refill

PAGE: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`after` is the ID of the last one, None on the last page."""

    refills: Sequence[Refill]
    after: int | None


def page(
    *, user_id: int, is_open: bool | None = None, after: int | None = None, size: int = PAGE
) -> Page:
    """Return the refills with their orders and services."""
    rows = Refill.objects.filter(user_id=user_id)
    if is_open is not None:
        rows = (
            rows.filter(state__in=OPEN_REFILL) if is_open else rows.exclude(state__in=OPEN_REFILL)
        )
    if after is not None:
        rows = rows.filter(pk__lt=after)
    rows = rows.select_related("order__service__category__platform").order_by("-id")
    found = list(rows.defer("order__service__description")[: size + 1])
    shown = found[:size]
    return Page(refills=shown, after=shown[-1].pk if len(found) > size else None)


def running(user_id: int) -> int:
    """Return how many refills have not ended, up to COUNTED_MAX."""
    rows = Refill.objects.filter(user_id=user_id, state__in=OPEN_REFILL).values("id")
    return rows[:COUNTED_MAX].count()
