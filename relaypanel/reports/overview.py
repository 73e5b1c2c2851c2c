"""The first page of the desk: a few rows, whatever the size of the panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Min

from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from relaypanel.reports import proof
from relaypanel.reports.models import Best, Day, Proof


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    orders: int = 0
    sales_e8: int = 0
    cost_e8: int = 0
    new_users: int = 0

    @property
    def margin_e8(self) -> int:
        return self.sales_e8 - self.cost_e8

    @property
    def margin_percent_e2(self) -> int | None:
        """What is left of each sale, in hundredths of a percent; None: nothing was sold."""
        return self.margin_e8 * 10_000 // self.sales_e8 if self.sales_e8 > 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """`before` is the period before, of the same length; `days` are oldest first, each there.

    `oldest_at` is since when the longest waiting order could have been sent; None: none waits.
    `best` and `proof` None: the worker has not come to it yet.
    """

    days: Sequence[Day]
    now: Totals
    before: Totals
    states: Mapping[str, int]
    best: Best | None
    providers: Sequence[Provider]
    oldest_at: datetime | None
    proof: Proof | None


def read(*, days: int, now: datetime) -> Overview:
    """Return the last `days` days, today included, in five queries."""
    today = now.astimezone(UTC).date()
    begin = today - timedelta(days=days - 1)
    known = {
        day.date: day
        for day in Day.objects.filter(date__gt=begin - timedelta(days=days + 1), date__lte=today)
    }
    shown = _between(known, begin, today)
    return Overview(
        days=shown,
        now=_totals(shown),
        before=_totals(_between(known, begin - timedelta(days=days), begin - timedelta(days=1))),
        states=_states(shown),
        best=Best.objects.filter(days=days).first(),
        providers=list(Provider.objects.order_by("name", "pk")),
        oldest_at=_oldest(now),
        proof=proof.latest(),
    )


def _between(known: Mapping[date, Day], first: date, last: date) -> list[Day]:
    """Return a row for each day, an empty one where nobody bought."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [
        known.get(day) or Day(date=day, orders=0, sales_e8=0, cost_e8=0, new_users=0)
        for day in days
    ]


def _totals(days: Sequence[Day]) -> Totals:
    return Totals(
        orders=sum(day.orders for day in days),
        sales_e8=sum(day.sales_e8 for day in days),
        cost_e8=sum(day.cost_e8 for day in days),
        new_users=sum(day.new_users for day in days),
    )


def _states(days: Sequence[Day]) -> dict[str, int]:
    return {
        status.value: count
        for status in Status
        if (count := sum(day.states.get(status.value, 0) for day in days))
    }


def _oldest(now: datetime) -> datetime | None:
    # Of those whose time has come: what waits for its link, or for a later try, is not late.
    waiting = Order.objects.filter(status=Status.QUEUED, provider__isnull=False, due_at__lte=now)
    oldest: datetime | None = waiting.aggregate(oldest=Min("due_at"))["oldest"]
    return oldest
