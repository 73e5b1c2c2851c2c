"""Adds up what was sold, day by day, in the worker: a page then reads a row for each day.

An order changes for some days after it was placed, so the last two days are added up each time,
those of a month once an hour, and older ones stay as they were.  A new panel, or one that was
filled, is caught up with some days at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.catalogue import margin
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType
from relaypanel.orders.models import Order
from relaypanel.providers.models import Provider
from relaypanel.reports.models import Best, Day

PERIODS: Final = (1, 7, 30, 90)
BEST_SHOWN: Final = 10
# How many days without a row one look adds up.
CAUGHT_UP_AT_ONCE: Final = 40
FRESH_DAYS: Final = 2
CHANGING_DAYS: Final = 31
AGAIN_AFTER: Final = timedelta(hours=1)

# SQLite refuses a SUM past 2^63, which two of the largest charges reach: see ledger/audit.py.
_BILLION: Final = 10**9
# A run of a drip-feed was paid with its parent; a subscription's post is paid by itself.
_PAID: Final = Q(parent=None) | Q(type=OrderType.SUBSCRIPTIONS)


def look(*, now: datetime) -> bool:
    """Add up what is due; return whether there is more to catch up with."""
    today = now.astimezone(UTC).date()
    due = _due(today, now)
    for day in due:
        _add_up(day, now)
    known = dict(Best.objects.values_list("days", "added_up_at"))
    for days in PERIODS:
        # A day is quick to look through; a quarter of a year is not.
        if days == 1 or days not in known or known[days] < now - AGAIN_AFTER:
            _find_best(days, today, now)
    return len(due) > CAUGHT_UP_AT_ONCE


def start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _fresh(today: date) -> list[date]:
    return [today - timedelta(days=n) for n in range(FRESH_DAYS)]


def _due(today: date, now: datetime) -> list[date]:
    first = Order.objects.order_by("placed_at", "pk").values_list("placed_at", flat=True).first()
    known = dict(Day.objects.values_list("date", "added_up_at"))
    begin = min(first.astimezone(UTC).date(), today) if first else today
    changing = today - timedelta(days=CHANGING_DAYS)
    every = [today - timedelta(days=n) for n in range((today - begin).days + 1)]
    stale = [
        day
        for day in every[FRESH_DAYS:]
        if day not in known or (day > changing and known[day] < now - AGAIN_AFTER)
    ]
    return [*_fresh(today), *stale[:CAUGHT_UP_AT_ONCE]]


def _add_up(day: date, now: datetime) -> None:
    since, until = start(day), start(day + timedelta(days=1))
    placed = Order.objects.filter(placed_at__gte=since, placed_at__lt=until)
    paid = placed.filter(_PAID)
    states = dict(paid.values_list("status").annotate(count=Count("pk")).order_by())
    Day.objects.update_or_create(
        date=day,
        defaults={
            "orders": sum(states.values()),
            "sales_e8": _sales_e8(paid),
            "cost_e8": _cost_e8(placed),
            "new_users": User.objects.filter(joined_at__gte=since, joined_at__lt=until).count(),
            "states": states,
            "added_up_at": now,
        },
    )


def _sales_e8(paid: QuerySet[Order]) -> int:
    told = paid.aggregate(**parts("sum", F("charge_e8") - F("refunded_e8")))
    return _whole(told, "sum")


def _cost_e8(placed: QuerySet[Order]) -> int:
    rows = placed.filter(cost_e8__isnull=False).values("provider").order_by()
    currencies = dict(Provider.objects.values_list("pk", "rate_to_panel_e8"))
    costs = (
        margin.rate_cost(rate_e8=_whole(row, "sum"), rate_to_panel_e8=currencies[row["provider"]])
        for row in rows.annotate(**parts("sum", F("cost_e8")))
        if row["provider"] is not None
    )
    return min(sum(costs), money.MAX_E8)


def _find_best(days: int, today: date, now: datetime) -> None:
    since = start(today - timedelta(days=days - 1))
    paid = Order.objects.filter(_PAID, placed_at__gte=since)
    services = _best(paid, "service_id")
    customers = _best(paid, "user_id")
    names = dict(_names(Service.objects.all(), "name", services))
    usernames = dict(_names(User.objects.all(), "username", customers))
    Best.objects.update_or_create(
        days=days,
        defaults={
            "services": [row | {"name": names[row["id"]]} for row in services],
            "customers": [row | {"name": usernames[row["id"]]} for row in customers],
            "added_up_at": now,
        },
    )


def _best(paid: QuerySet[Order], what: str) -> list[dict[str, Any]]:
    rows = (
        paid.values(what)
        .annotate(orders=Count("pk"), **parts("sum", F("charge_e8") - F("refunded_e8")))
        .order_by("-sum_billions", "-sum_rest", what)[:BEST_SHOWN]
    )
    best = [
        {"id": row[what], "orders": row["orders"], "sales_e8": _whole(row, "sum")} for row in rows
    ]
    return sorted(best, key=lambda row: -row["sales_e8"])


def _names(rows: QuerySet[Any], column: str, best: Iterable[dict[str, Any]]) -> Any:
    return rows.filter(pk__in=[row["id"] for row in best]).values_list("pk", column)


def parts(name: str, amount: Any) -> dict[str, Any]:
    """Return what sums amounts in e8 apart, as billions and the rest: see `whole`."""
    return {
        f"{name}_billions": Sum(amount / _BILLION),
        f"{name}_rest": Sum(amount % _BILLION),
    }


def whole(row: Mapping[str, Any], name: str) -> int:
    """Return the sum whose `parts` are in the row."""
    return int(row[f"{name}_billions"] or 0) * _BILLION + int(row[f"{name}_rest"] or 0)


def _whole(row: Mapping[str, Any], name: str) -> int:
    """Return the sum, or the most that a column holds."""
    return min(whole(row, name), money.MAX_E8)
