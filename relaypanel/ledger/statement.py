"""A customer's movements, newest first, each with what was left after it."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import F, Q

from relaypanel.ledger import chart
from relaypanel.ledger.models import Code, Transfer

_BATCH: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which movements; what is None or empty leaves none out.  `until` is not included."""

    codes: Collection[Code] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> Q:
        wanted = Q()
        if self.codes:
            wanted &= Q(code__in=self.codes)
        if self.since is not None:
            wanted &= Q(created_at__gte=self.since)
        if self.until is not None:
            wanted &= Q(created_at__lt=self.until)
        return wanted


EVERYTHING: Final = Filter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """`change_e8` is below zero where money left; `left_e8` None: written before it was kept."""

    id: int
    at: datetime
    code: Code
    key: str
    reason: str
    change_e8: int
    left_e8: int | None

    @property
    def order_id(self) -> int | None:
        """The order that was charged or refunded."""
        return self._number("order")

    @property
    def topup_id(self) -> int | None:
        return self._number("topup")

    def _number(self, subject: str) -> int | None:
        kind, _, rest = self.key.partition(":")
        number = rest.partition(":")[0]
        return int(number) if kind == subject and number.isdecimal() else None


def page(
    *, user_id: int, wanted: Filter = EVERYTHING, before: int | None = None, limit: int
) -> list[Movement]:
    """Return up to `limit` movements older than the one with the ID `before`."""
    account = chart.customer(user_id)
    rows = Transfer.objects.filter(wanted.condition)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    # Each side has an index in this order, which one query over both sides could not follow.
    given = rows.filter(credit=account).annotate(left_e8=F("credit_left_e8"))
    taken = rows.filter(debit=account).annotate(left_e8=F("debit_left_e8"))
    sides = (given.order_by("-pk")[:limit], 1), (taken.order_by("-pk")[:limit], -1)
    found = [_movement(row, sign) for rows_of_side, sign in sides for row in rows_of_side]
    return heapq.nlargest(limit, found, key=lambda movement: movement.id)


def everything(*, user_id: int, wanted: Filter = EVERYTHING) -> Iterator[Movement]:
    """Yield all of them, a page at a time, so that a long history needs little memory."""
    before: int | None = None
    while movements := page(user_id=user_id, wanted=wanted, before=before, limit=_BATCH):
        yield from movements
        before = movements[-1].id


def _movement(row: Transfer, sign: int) -> Movement:
    left_e8: int | None = row.left_e8  # type: ignore[attr-defined]
    return Movement(
        id=row.pk,
        at=row.created_at,
        code=Code(row.code),
        key=row.key,
        reason=row.reason,
        change_e8=sign * row.amount_e8,
        left_e8=left_e8,
    )
