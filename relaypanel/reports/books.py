"""The books day by day, for whoever does the accounts: added up by the worker, oldest day first.

Movements stay as written, so a day that is over is added up for the last time an hour later,
when whatever was still being written then has long ended.  What customers held at the end of a
day is what they held the day before and what moved since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db.models import Case, Count, F, IntegerField, Q, Value, When

from relaypanel.ledger import journal
from relaypanel.ledger.models import Code, Transfer
from relaypanel.reports.days import CAUGHT_UP_AT_ONCE, parts, start, whole
from relaypanel.reports.models import BookDay

_SETTLED_AFTER: Final = timedelta(hours=1)
_IS_IN: Final = Q(credit__gt=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """How many movements, what they brought customers, and what they took from them."""

    number: int = 0
    in_e8: int = 0
    out_e8: int = 0

    @property
    def net_e8(self) -> int:
        return self.in_e8 - self.out_e8

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            number=self.number + other.number,
            in_e8=self.in_e8 + other.in_e8,
            out_e8=self.out_e8 + other.out_e8,
        )


NOTHING: Final = Moved()


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """One day, or several together; `owed_e8` is what customers held at the end."""

    date: date
    moved: Mapping[Code, Moved]
    owed_e8: int

    def of(self, code: Code) -> Moved:
        return self.moved.get(code, NOTHING)


def look(*, now: datetime) -> bool:
    """Add up what is due; return whether there is more to catch up with."""
    due = _due(now)
    for day in due[:CAUGHT_UP_AT_ONCE]:
        _add_up(day, now)
    return len(due) > CAUGHT_UP_AT_ONCE


def month(first: date) -> list[Books]:
    """Return the days of the month that are in the books, newest first."""
    rows = BookDay.objects.filter(date__gte=first, date__lt=following(first)).order_by("-date")
    return [_books(row) for row in rows]


def together(days: Sequence[Books]) -> Books:
    """Return the sum of some days, newest first, of which there is one at least."""
    moved = {code: sum((day.of(code) for day in days), NOTHING) for code in Code}
    return Books(date=days[0].date, moved=moved, owed_e8=days[0].owed_e8)


def months(*, now: datetime) -> list[date]:
    """Return the first day of each month since the books began, newest first."""
    begin = BookDay.objects.order_by("date").values_list("date", flat=True).first()
    one = _day(now).replace(day=1)
    found = [one]
    while begin is not None and one > begin:
        one = (one - timedelta(days=1)).replace(day=1)
        found.append(one)
    return found


def following(first: date) -> date:
    """Return the first day of the month after this one."""
    return (first + timedelta(days=31)).replace(day=1)


def _due(now: datetime) -> list[date]:
    last = list(BookDay.objects.order_by("-date")[:2])
    open_days = [row.date for row in last if not _is_settled(row)]
    if open_days:
        begin = min(open_days)
    elif last:
        begin = last[0].date + timedelta(days=1)
    else:
        begin = _first_day(now)
    return [begin + timedelta(days=n) for n in range((_day(now) - begin).days + 1)]


def _is_settled(row: BookDay) -> bool:
    return row.added_up_at >= start(row.date + timedelta(days=1)) + _SETTLED_AFTER


def _first_day(now: datetime) -> date:
    first = Transfer.objects.order_by("pk").values_list("created_at", flat=True).first()
    return _day(first or now)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _add_up(day: date, now: datetime) -> None:
    moved = _moved(day)
    before = BookDay.objects.filter(date__lt=day).order_by("-date").first()
    owed_e8 = (before.owed_e8 if before else 0) + sum(one.net_e8 for one in moved.values())
    told = {
        code: {"number": one.number, "in_e8": one.in_e8, "out_e8": one.out_e8}
        for code, one in moved.items()
    }
    BookDay.objects.update_or_create(
        date=day, defaults={"moved": told, "owed_e8": owed_e8, "added_up_at": now}
    )


def _moved(day: date) -> dict[Code, Moved]:
    rows = journal.between(start(day), start(day + timedelta(days=1)))
    is_in = Case(When(_IS_IN, then=Value(1)), default=Value(0), output_field=IntegerField())
    sides = (
        rows.annotate(is_in=is_in)
        .values("code", "is_in")
        .order_by()
        .annotate(number=Count("pk"), **parts("sum", F("amount_e8")))
    )
    return _by_code(sides)


def _by_code(sides: Iterable[Mapping[str, Any]]) -> dict[Code, Moved]:
    moved: dict[Code, Moved] = {}
    for side in sides:
        amount_e8 = whole(side, "sum")
        code, one_way = Code(side["code"]), "in_e8" if side["is_in"] else "out_e8"
        moved[code] = moved.get(code, NOTHING) + Moved(
            number=side["number"], **{one_way: amount_e8}
        )
    return moved


def _books(row: BookDay) -> Books:
    moved = {Code(code): Moved(**told) for code, told in row.moved.items()}
    return Books(date=row.date, moved=moved, owed_e8=row.owed_e8)
