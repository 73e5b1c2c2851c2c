"""The one place where an order's status is written.

Every change names the status it comes from, counts its rows and leaves an event.
docs/order-states.md draws the arrows and says who may take them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models.expressions import Case, CombinedExpression

from relaypanel.contract import OrderWord
from relaypanel.orders.models import FINAL, Order, OrderEvent, Status

_UPSTREAM = frozenset((Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS))
_ENDS = frozenset(FINAL)

ARROWS: Final[dict[Status, frozenset[Status]]] = {
    # Beside being sent, a manual order goes wherever staff take it.
    Status.QUEUED: frozenset((Status.SENDING, Status.HELD)) | _UPSTREAM | _ENDS,
    # Back to the queue only with proof that nothing was taken: see send.py.
    Status.SENDING: frozenset(
        (Status.PENDING, Status.QUEUED, Status.UNCONFIRMED, Status.HELD, Status.CANCELED)
    ),
    Status.UNCONFIRMED: frozenset((Status.PENDING, Status.QUEUED, Status.HELD, Status.CANCELED)),
    Status.HELD: frozenset((Status.QUEUED,)) | _UPSTREAM | _ENDS,
    # What upstream says may go backwards among these three.
    Status.PENDING: _UPSTREAM - {Status.PENDING} | _ENDS,
    Status.PROCESSING: _UPSTREAM - {Status.PROCESSING} | _ENDS,
    Status.IN_PROGRESS: _UPSTREAM - {Status.IN_PROGRESS} | _ENDS,
    # A panel may correct itself after the end; money then flows back once, never forth.
    Status.COMPLETED: frozenset((Status.PARTIAL, Status.CANCELED)),
    Status.PARTIAL: frozenset(),
    Status.CANCELED: frozenset(),
}

WORDS: Final[dict[Status, OrderWord]] = {
    Status.QUEUED: OrderWord.PENDING,
    Status.SENDING: OrderWord.PENDING,
    Status.UNCONFIRMED: OrderWord.PENDING,
    Status.HELD: OrderWord.PENDING,
    Status.PENDING: OrderWord.PENDING,
    Status.PROCESSING: OrderWord.PROCESSING,
    Status.IN_PROGRESS: OrderWord.IN_PROGRESS,
    Status.COMPLETED: OrderWord.COMPLETED,
    Status.PARTIAL: OrderWord.PARTIAL,
    Status.CANCELED: OrderWord.CANCELED,
}

FROM_WORD: Final[dict[OrderWord, Status]] = {
    OrderWord.PENDING: Status.PENDING,
    OrderWord.PROCESSING: Status.PROCESSING,
    OrderWord.IN_PROGRESS: Status.IN_PROGRESS,
    OrderWord.COMPLETED: Status.COMPLETED,
    OrderWord.PARTIAL: Status.PARTIAL,
    OrderWord.CANCELED: Status.CANCELED,
}


class LostRace(Exception):
    """Somebody else moved the order first; the caller's transaction must not commit."""


def move(
    order: Order, *, to: Status, now: datetime, reason: str, detail: str = "", **changes: Any
) -> None:
    """Take one order along an arrow, with other columns in the same statement.

    Raises LostRace when the row no longer stands where `order` says.
    """
    move_all([order], to=to, now=now, reason=reason, detail=detail, **changes)


def move_all(
    orders: Sequence[Order],
    *,
    to: Status,
    now: datetime,
    reason: str,
    detail: str = "",
    **changes: Any,
) -> None:
    """Take orders that stand in one status along the same arrow, all or none."""
    if not orders:
        return
    origin = Status(orders[0].status)
    assert all(order.status == origin for order in orders)
    assert to in ARROWS[origin], f"{origin} -> {to}"
    if to in _ENDS and origin not in _ENDS:
        changes["ended_at"] = now
    with transaction.atomic():
        rows = Order.objects.filter(pk__in=[order.pk for order in orders], status=origin)
        if len(orders) == 1:
            rows = rows.filter(token=orders[0].token)
        if rows.update(status=to, **changes) != len(orders):
            raise LostRace(f"{len(orders)} order(s) from {origin} to {to}")
        record(orders, now=now, reason=reason, detail=detail, origin=origin, to=to)
    for order in orders:
        order.status = to
        _reflect(order, changes)


def record(
    orders: Sequence[Order],
    *,
    now: datetime,
    reason: str,
    detail: str = "",
    origin: Status | None = None,
    to: Status | None = None,
) -> None:
    """Write what happened into the timelines of `orders`; without `to`, no status changed."""
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order_id=order.pk,
            at=now,
            from_status=origin or "",
            to_status=to or "",
            reason=reason,
            detail=detail[:500],
        )
        for order in orders
    )


def _reflect(order: Order, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, Case):
            # A value of its own for each row, which whoever gave them knows.
            continue
        # Only "column + 1" is asked for otherwise; the row was held under its old value.
        is_next = isinstance(value, CombinedExpression)
        setattr(order, name, getattr(order, name) + 1 if is_next else value)
