"""A customer's orders as lists: by tab, search and time, a page at a time, newest first.

A page starts behind the last order of the page before it, so that a new order moves nobody's
place.  Each query is served by an index whatever is asked for; the rows come afterwards, by ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Final, Self

from django.db.models import Count, Q, QuerySet, TextField, Value
from django.db.models.functions import Collate, Lower, StrIndex
from django.db.models.lookups import GreaterThan

from relaypanel import prepared
from relaypanel.catalogue.folding import fold
from relaypanel.catalogue.models import Service
from relaypanel.orders import types
from relaypanel.orders.models import ACTIVE, WITHOUT_UPSTREAM_ID, Order, Status
from relaypanel.orders.requests import OrderNotFound

PAGE: Final = 50
# Rows of an export that are in memory at once.
EXPORT_PAGE: Final = 1_000
# A count that stands beside a word says no more than "999+".
COUNTED_MAX: Final = 1_000
IDS_MAX: Final = 100
# A word that more services have than this is no search for a service.
SERVICES_MAX: Final = 500
ID_MAX: Final = 2**63 - 1

_IDS: Final = re.compile(r"#?[0-9]{1,19}(?:[\s,;#]+[0-9]{1,19})*", re.ASCII)
_CURSOR: Final = re.compile(r"([0-9]{1,17})-([0-9]{1,19})", re.ASCII)
_OPEN: Final = (*WITHOUT_UPSTREAM_ID, *ACTIVE)


class Tab(StrEnum):
    """The states as customers know them."""

    PENDING = "pending"
    PROCESSING = "processing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIAL = "partial"
    CANCELED = "canceled"


STATUSES: Final[Mapping[Tab, tuple[Status, ...]]] = {
    Tab.PENDING: (*WITHOUT_UPSTREAM_ID, Status.PENDING),
    Tab.PROCESSING: (Status.PROCESSING,),
    Tab.IN_PROGRESS: (Status.IN_PROGRESS,),
    Tab.COMPLETED: (Status.COMPLETED,),
    Tab.PARTIAL: (Status.PARTIAL,),
    Tab.CANCELED: (Status.CANCELED,),
}


# A few steps in the index of each status: adding up a long history takes a page's whole time.
_COUNTS: Final = prepared.Statement(
    " UNION ALL ".join(
        f"SELECT '{status}', COUNT(*) FROM (SELECT 1 FROM orders_order"  # noqa: S608  # nosec B608
        f" WHERE user_id = $1 AND status = '{status}' LIMIT $2) AS few"
        for status in Status.values
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which orders are asked for.  `text` holds IDs, or a part of a link or a service's name;
    `since` counts in, `until` does not.
    """

    user_id: int
    tab: Tab | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, order=True, slots=True)
class Cursor:
    """The order behind which a page begins."""

    placed_at: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor that `str` of one gave, or None for any other text."""
        match = _CURSOR.fullmatch(text)
        if match is None or int(match[2]) > ID_MAX:
            return None
        seconds, micros = divmod(int(match[1]), 10**6)
        if seconds > 10**11 // 4:
            return None
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
        return cls(at, int(match[2]))

    def __str__(self) -> str:
        seconds = int(self.placed_at.replace(microsecond=0).timestamp())
        return f"{seconds * 10**6 + self.placed_at.microsecond}-{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`after` is None on the last page."""

    orders: Sequence[Order]
    after: Cursor | None


def page(wanted: Wanted, *, after: Cursor | None = None, size: int = PAGE) -> Page:
    """Return the next `size` orders, with service, category and platform."""
    keys = _keys(wanted, after, size + 1)
    shown = keys[:size]
    rows = (
        Order.objects.filter(user_id=wanted.user_id)
        .select_related("service__category__platform")
        .defer("service__description")
        .in_bulk([key.id for key in shown])
    )
    return Page(
        orders=[rows[key.id] for key in shown if key.id in rows],
        after=shown[-1] if len(keys) > size else None,
    )


def every(wanted: Wanted) -> Iterator[Order]:
    """Yield all orders that are asked for; no query stays open between two of them."""
    after = None
    while True:
        found = page(wanted, after=after, size=EXPORT_PAGE)
        yield from found.orders
        after = found.after
        if after is None:
            return


def one(*, user_id: int, order_id: int) -> Order:
    """Return the order.  Raises OrderNotFound, also for somebody else's."""
    rows = Order.objects.select_related("service__category__platform", "parent")
    found = rows.filter(user_id=user_id, pk=order_id).first()
    if found is None:
        raise OrderNotFound
    return found


def counts(user_id: int) -> dict[Tab, int]:
    """Return how many orders each tab holds, of each status up to COUNTED_MAX."""
    return _by_tab(dict(_COUNTS.rows(user_id, COUNTED_MAX)))


def counts_since(since: datetime, *, user_id: int) -> dict[Tab, int]:
    """Return how many orders of each tab were placed since then."""
    rows = Order.objects.filter(user_id=user_id, placed_at__gte=since).order_by()
    return _by_tab(dict(rows.values_list("status").annotate(Count("id"))))


def _by_tab(found: Mapping[str, int]) -> dict[Tab, int]:
    return {tab: sum(found.get(status, 0) for status in of) for tab, of in STATUSES.items()}


def running(user_id: int) -> int:
    """Return how many orders have not ended, up to COUNTED_MAX."""
    rows = Order.objects.filter(user_id=user_id, status__in=_OPEN).values("id")
    return rows[:COUNTED_MAX].count()


def _keys(wanted: Wanted, after: Cursor | None, size: int) -> list[Cursor]:
    """Return where the next orders stand.

    A tab of several statuses is read status by status, each from the one index, because no index
    is in the order of time across them.
    """
    rows = _matching(wanted)
    if after is not None:
        behind = Q(placed_at__lt=after.placed_at) | Q(placed_at=after.placed_at, id__lt=after.id)
        # The first part alone would do; the second lets an index find the place.
        rows = rows.filter(Q(placed_at__lte=after.placed_at) & behind)
    rows = rows.order_by("-placed_at", "-id")
    parts = [rows] if wanted.tab is None else [rows.filter(status=s) for s in STATUSES[wanted.tab]]
    found = [[Cursor(*key) for key in part.values_list("placed_at", "id")[:size]] for part in parts]
    return list(islice(merge(*found, reverse=True), size))


def _matching(wanted: Wanted) -> QuerySet[Order]:
    rows = Order.objects.filter(user_id=wanted.user_id)
    if wanted.since is not None:
        rows = rows.filter(placed_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(placed_at__lt=wanted.until)
    # SQLite takes no pattern of more than 50,000 bytes.
    text = wanted.text.strip()[: types.LINK_BYTES_MAX]
    if not types.is_clean(text):
        # No order holds such a text, and PostgreSQL cannot even be asked.
        return rows.none()
    return rows.filter(_search(text)) if text else rows


def _search(text: str) -> Q:
    if _IDS.fullmatch(text):
        ids = [n for n in map(int, re.findall(r"[0-9]+", text)) if n <= ID_MAX][:IDS_MAX]
        # A number alone may be meant for a service; several are a list of orders.
        return Q(pk__in=ids) | Q(service_id__in=ids if text.isdecimal() else [])
    services = _named(fold(text))
    by_link = _in_link(text)
    return by_link | Q(service_id__in=services) if len(services) <= SERVICES_MAX else by_link


def _in_link(text: str) -> Q:
    """Return what is true of links with this text in them, whatever the case of a to z.

    All orders of a customer are read for it.  PostgreSQL takes twice as long by the rules of a
    language, and half as long again by LIKE; SQLite's LIKE is its quickest.
    """
    if prepared.is_sqlite():
        return Q(link__icontains=text)
    part = Value(text, output_field=TextField())
    return Q(GreaterThan(StrIndex(Lower(Collate("link", "C")), Lower(Collate(part, "C"))), 0))


def _named(folded: str) -> list[int]:
    """Return the services with this in their names, one more than SERVICES_MAX at the most."""
    rows = Service.objects.filter(name_folded__contains=folded).order_by("pk")
    return list(rows.values_list("pk", flat=True)[: SERVICES_MAX + 1]) if folded else []
