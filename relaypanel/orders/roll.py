"""The orders of all customers, latest first, as those who run the panel look for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from relaypanel.orders.models import Order, Status

ROWS_MAX: Final = 1000
_NAME_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which orders; what is None keeps none out.  `by_hand` False: those that a provider has."""

    ids: Collection[int] | None = None
    statuses: Collection[Status] | None = None
    service_ids: Collection[int] | None = None
    username: str | None = None
    provider: str | None = None
    link: str | None = None
    by_hand: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    # The page after the one that ended with this order.
    after_id: int | None = None
    offset: int = 0


def page(wanted: Wanted, *, limit: int) -> Sequence[Order]:
    """Return at most `limit` orders that match, with what is shown of them."""
    rows = Order.objects.filter(_matches(wanted))
    rows = rows.select_related("user", "service", "provider")
    ordered = rows.order_by("pk" if wanted.oldest_first else "-pk")
    return list(ordered[wanted.offset : wanted.offset + min(limit, ROWS_MAX)])


def find(order_id: int, *, service_ids: Collection[int] | None = None) -> Order | None:
    """Return any customer's order, if it is of one of these services."""
    wanted = Wanted(ids=[order_id], service_ids=service_ids)
    return next(iter(page(wanted, limit=1)), None)


def _matches(wanted: Wanted) -> Q:
    told = {
        "pk__in": wanted.ids,
        "status__in": wanted.statuses,
        "service__in": wanted.service_ids,
        "user__username__iexact": _name(wanted.username),
        "provider__name__iexact": _name(wanted.provider),
        "link": wanted.link,
        "provider__isnull": wanted.by_hand,
        "placed_at__gte": wanted.since,
        "placed_at__lte": wanted.until,
        "pk__gt" if wanted.oldest_first else "pk__lt": wanted.after_id,
    }
    return Q(**{name: value for name, value in told.items() if value is not None})


def _name(text: str | None) -> str | None:
    """Return as much as no name has.  SQLite takes no pattern of more than 50,000 bytes."""
    return None if text is None else text[:_NAME_CHARACTERS_MAX]
