"""The one place where an order's status is written.

Every change names the status it comes from, counts its rows and leaves an event.
docs/order-states.md draws the arrows and says who may take them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import CharField, F, Func, Value
from django.db.models.expressions import CombinedExpression

from relaypanel import prepared
from relaypanel.contract import OrderWord
from relaypanel.orders.models import FINAL, Order, Status

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

_TELL: Final = prepared.Statement(
    f"""
    INSERT INTO orders_orderevent (order_id, at, from_status, to_status, reason, detail)
    SELECT id, {"$2" if prepared.is_sqlite() else "$2::timestamptz"}, $3, $4, $5, $6
      FROM orders_order WHERE id {prepared.among("$1")}
    """  # nosec B608
)
_DETAIL_MAX: Final = 500


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
    if to in _ENDS and origin not in _ENDS:
        changes["ended_at"] = now
    ids = [order.pk for order in orders]
    # One order is often moved without a lock, and its token tells whether it is still the same.
    seen = orders[0].token if len(orders) == 1 else None
    _move(ids, origin=origin, to=to, now=now, reason=reason, detail=detail, seen=seen, **changes)
    for order in orders:
        order.status = to
        _reflect(order, changes)


def move_locked(
    ids: Collection[int],
    *,
    origin: Status,
    to: Status,
    now: datetime,
    reason: str,
    **changes: Any,
) -> None:
    """Take rows that the caller has locked in `origin` along an arrow that ends no order."""
    assert to not in _ENDS
    if ids:
        _move(ids, origin=origin, to=to, now=now, reason=reason, **changes)


def each(texts: Mapping[int, str]) -> Func:
    """Return a text of its own for each order, by ID: a value to `move_locked` with."""
    # Not a CASE: Django takes longer to write its branches than the database to move the rows.
    return _TextOfOrder(Value(msgspec.json.encode(texts).decode()), F("pk"))


def _move(
    ids: Collection[int],
    *,
    origin: Status,
    to: Status,
    now: datetime,
    reason: str,
    detail: str = "",
    seen: int | None = None,
    **changes: Any,
) -> None:
    assert to in ARROWS[origin], f"{origin} -> {to}"
    with transaction.atomic():
        rows = Order.objects.filter(pk__in=ids, status=origin)
        if seen is not None:
            rows = rows.filter(token=seen)
        if rows.update(status=to, **changes) != len(ids):
            raise LostRace(f"{len(ids)} order(s) from {origin} to {to}")
        _tell(ids, now=now, reason=reason, detail=detail, origin=origin, to=to)


def record(orders: Sequence[Order], *, now: datetime, reason: str, detail: str = "") -> None:
    """Write what happened into the timelines of `orders`, whose status stays."""
    _tell([order.pk for order in orders], now=now, reason=reason, detail=detail)


def _tell(
    ids: Collection[int],
    *,
    now: datetime,
    reason: str,
    detail: str,
    origin: Status | None = None,
    to: Status | None = None,
) -> None:
    _TELL.rows(list(ids), now, origin or "", to or "", reason, detail[:_DETAIL_MAX])


def _reflect(order: Order, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        # Only "column + 1" is asked for otherwise; the row was held under its old value.
        is_next = isinstance(value, CombinedExpression)
        setattr(order, name, getattr(order, name) + 1 if is_next else value)


class _TextOfOrder(Func):
    """What a JSON object has under the ID of the row."""

    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="jsonb_extract_path_text(CAST(%(expressions)s AS text))",
            arg_joiner=" AS jsonb), CAST(",
        )

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="""json_extract(%(expressions)s || '"')""",
            arg_joiner=""", '$."' || """,
        )
