"""The journal: movements, one customer's or everybody's, newest first, each look along an index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from relaypanel.accounts.models import User
from relaypanel.ledger import chart
from relaypanel.ledger.models import Code, Transfer

PAGE: Final = 50
_BATCH: Final = 1000
# The account that each kind of movement passes on one side, which is what an index knows of it.
_HOUSE: Final = {
    Code.ORDER_CHARGE: (Q(credit=chart.SALES),),
    Code.ORDER_REFUND: (Q(debit=chart.SALES),),
    Code.DEPOSIT: (Q(debit=chart.CASH),),
    Code.WITHDRAWAL: (Q(credit=chart.CASH),),
    Code.ADJUSTMENT: (Q(debit=chart.ADJUSTMENTS), Q(credit=chart.ADJUSTMENTS)),
    Code.BONUS: (Q(debit=chart.PROMOTIONS),),
    Code.AFFILIATE: (Q(debit=chart.PROMOTIONS),),
}
# Movements written at once get their IDs and their moments in any order, and a clock may be set
# back: further apart than this they do not.
_SLACK: Final = timedelta(hours=1)
# The primary key halved until one is left: rows have no index by time, which every order would pay.
_IS_BEFORE: Final = """
    (SELECT created_at FROM ledger_transfer WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1) < %s
"""
_FIRST_AT: Final = f"""
    WITH RECURSIVE search(low, high) AS (
        SELECT CAST(0 AS bigint), (SELECT COALESCE(MAX(id), 0) + 1 FROM ledger_transfer)
         UNION ALL
        SELECT CASE WHEN {_IS_BEFORE} THEN (low + high) / 2 + 1 ELSE low END,
               CASE WHEN {_IS_BEFORE} THEN high ELSE (low + high) / 2 END
          FROM search
         WHERE low < high
    )
    SELECT low FROM search WHERE low >= high
"""  # noqa: S608  # nosec B608


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which movements; what is None or empty leaves none out.  `until` is not included."""

    code: Code | None = None
    user_id: int | None = None
    order_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def page(wanted: Wanted, *, before_id: int | None = None, limit: int = PAGE + 1) -> list[Transfer]:
    """Return up to `limit` movements older than that one: one more than PAGE tells of more."""
    rows = _between(Transfer.objects.all(), wanted.since, wanted.until)
    if wanted.order_id is not None:
        rows = rows.filter(key__in=_keys(wanted.order_id))
    if wanted.code is not None:
        rows = rows.filter(code=wanted.code)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    # One query over both sides of an account could follow neither side's index.
    sides = (rows.filter(side).order_by("-pk")[:limit] for side in _sides(wanted))
    found = (row for side in sides for row in side)
    return heapq.nlargest(limit, found, key=lambda row: row.pk)


def named(rows: Sequence[Transfer]) -> dict[int, User]:
    """Return the customers of some movements by their IDs."""
    return User.objects.only("username").in_bulk({row.customer_id for row in rows})


def pages(wanted: Wanted) -> Iterator[list[Transfer]]:
    """Yield all of them, a page at a time, so that a long journal needs little memory."""
    before: int | None = None
    while rows := page(wanted, before_id=before, limit=_BATCH):
        yield rows
        before = rows[-1].pk


def between(since: datetime, until: datetime) -> QuerySet[Transfer]:
    """Return what moved from then on and before `until`, found by its IDs."""
    return _between(Transfer.objects.all(), since, until)


def _between(
    rows: QuerySet[Transfer], since: datetime | None, until: datetime | None
) -> QuerySet[Transfer]:
    if since is not None:
        rows = rows.filter(pk__gte=_first_at(since - _SLACK), created_at__gte=since)
    if until is not None:
        rows = rows.filter(pk__lt=_first_at(until + _SLACK), created_at__lt=until)
    return rows


def _first_at(moment: datetime) -> int:
    """Return the ID of the first movement at this moment or later, or one above them all."""
    told: Any = connection.ops.adapt_datetimefield_value(moment)
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_AT, [told, told])
        (first,) = cursor.fetchone()
    return int(first)


def _keys(order_id: int) -> list[str]:
    return [f"order:{order_id}:charge", f"order:{order_id}:refund"]


def _sides(wanted: Wanted) -> Sequence[Q]:
    if wanted.user_id is not None:
        account = chart.customer(wanted.user_id)
        return (Q(debit=account), Q(credit=account))
    if wanted.code is not None:
        return _HOUSE[wanted.code]
    return (Q(),)
