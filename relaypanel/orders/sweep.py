"""Which orders their providers are asked about, and how often.

    FRESH   running, and placed within the last hour: all of them at each look
    OLD     running for longer: in slices, so that each is asked about within OLD_WITHIN
    ENDED   ended within the last days: in slices, each once in ENDED_WITHIN, because a panel
            may correct itself after the end

A place in a sweep is the ID of the order asked about last; 0 is before the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from relaypanel.contract import OrderType
from relaypanel.orders.models import ACTIVE, FINAL, Order, Status

FRESH_FOR: Final = timedelta(hours=1)
OLD_WITHIN: Final = timedelta(minutes=5)
ENDED_FOR: Final = timedelta(days=3)
ENDED_WITHIN: Final = timedelta(days=1)

# What judging an answer needs.  An order that changed is read again, whole and locked; comments
# and link lists of the others stay in the database.
_COLUMNS: Final = (
    "id",
    "user_id",
    "provider_id",
    "parent_id",
    "type",
    "status",
    "token",
    "quantity",
    "start_count",
    "remains",
    "cost_e8",
    "upstream_id",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """`within` is the time in which each of the orders is asked about once; None: at each look."""

    orders: Callable[[int, datetime], QuerySet[Order]]
    after: Callable[[QuerySet[Order], int], QuerySet[Order]]
    within: timedelta | None = None


def read(sweep: Sweep, *, provider_id: int, after: int, limit: int, now: datetime) -> list[Order]:
    """Return the next orders of a sweep, at most `limit`; fewer are the last ones."""
    orders = sweep.orders(provider_id, now)
    return list(sweep.after(orders, after).only(*_COLUMNS)[:limit])


def count(sweep: Sweep, *, provider_id: int, now: datetime) -> int:
    """Return how many orders the whole of a sweep asks about."""
    return sweep.orders(provider_id, now).count()


def _fresh(provider_id: int, now: datetime) -> QuerySet[Order]:
    return _running(provider_id).filter(placed_at__gte=now - FRESH_FOR)


def _old(provider_id: int, now: datetime) -> QuerySet[Order]:
    return _running(provider_id).filter(placed_at__lt=now - FRESH_FOR)


def _running(provider_id: int) -> QuerySet[Order]:
    return Order.objects.filter(_stands_in(ACTIVE), provider_id=provider_id)


def _ended(provider_id: int, now: datetime) -> QuerySet[Order]:
    return Order.objects.filter(
        _stands_in(FINAL),
        provider_id=provider_id,
        upstream_id__isnull=False,
        ended_at__gte=now - ENDED_FOR,
        # A subscription has no charge of its own that a correction could give back.
    ).exclude(type=OrderType.SUBSCRIPTIONS, parent=None)


def _stands_in(statuses: Sequence[Status]) -> RawSQL:
    """Say a condition in the very words of a partial index.

    SQLite uses such an index only where it sees the values, and Django sends them apart.
    """
    words = ", ".join(f"'{status.value}'" for status in statuses)
    return RawSQL(f'"orders_order"."status" IN ({words})', (), output_field=BooleanField())  # noqa: S611 # nosec B611


def _by_id(orders: QuerySet[Order], after: int) -> QuerySet[Order]:
    return orders.filter(pk__gt=after).order_by("pk")


def _by_end(orders: QuerySet[Order], after: int) -> QuerySet[Order]:
    ended_at = Order.objects.filter(pk=after).values_list("ended_at", flat=True).first()
    if ended_at is not None:
        # Said twice, so that the index finds the beginning.
        orders = orders.filter(ended_at__gte=ended_at).filter(
            Q(ended_at__gt=ended_at) | Q(pk__gt=after)
        )
    return orders.order_by("ended_at", "pk")


FRESH: Final = Sweep(orders=_fresh, after=_by_id)
OLD: Final = Sweep(orders=_old, after=_by_id, within=OLD_WITHIN)
ENDED: Final = Sweep(orders=_ended, after=_by_end, within=ENDED_WITHIN)
