"""How long orders of a service take, from what our own customers' orders took.

A duty reads the ends of orders as they come, in the order of their event rows, and keeps the
latest few of each service.  So the figure is there at once for any page, and an end costs nothing
when it happens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Final

from django.db import transaction

from relaypanel.catalogue.models import ServiceSpeed
from relaypanel.contract import OrderType
from relaypanel.orders.models import OrderEvent, Status

# Fewer say more about these orders than about the service.
ORDERS_LEAST: Final = 5
# Older ones say how it was, not how it is.
ORDERS_KEPT: Final = 20
# Events in one transaction of the duty.
BATCH: Final = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """The middle one of the latest orders: it took this long, from the order to its end.

    The middle and not the mean, because one order that hung for a week would stand for all.
    """

    seconds: int
    # How many pieces the middle one of these orders was for.
    quantity: int
    # How many orders it was learned from.
    orders: int


def of(service_ids: Collection[int]) -> dict[int, Speed]:
    """Return how long each service takes; one without enough orders yet is absent.

    One query.
    """
    rows = ServiceSpeed.objects.filter(service_id__in=service_ids, orders__gte=ORDERS_LEAST)
    return {
        row.service_id: Speed(seconds=row.seconds, quantity=row.quantity, orders=row.orders)
        for row in rows.defer("latest")
    }


def learn(*, after_event: int) -> int:
    """Take in the orders that were completed after this event; return the event to go on from.

    At most BATCH events are looked at, and none counts twice.  One that was written first and
    committed later than its neighbours is passed over: a statistic can do without it.
    """
    events = OrderEvent.objects.filter(pk__gt=after_event).order_by("pk")
    last = events.values_list("pk", flat=True)[BATCH - 1 : BATCH].first()
    last = last or events.values_list("pk", flat=True).last()
    if last is None:
        return after_event
    _take_in(_ends(after_event, last))
    return last


# An event's ID, the seconds that its order took, and its pieces.
_End = tuple[int, int, int]


def _ends(after_event: int, last: int) -> dict[int, list[_End]]:
    """Return what was completed between two events, by service.

    A drip-feed and a subscription take as long as their buyer said; their children count.
    """
    rows = (
        OrderEvent.objects.filter(
            pk__gt=after_event,
            pk__lte=last,
            to_status=Status.COMPLETED,
            order__drip_feed=None,
        )
        .exclude(order__type=OrderType.SUBSCRIPTIONS, order__parent=None)
        .order_by("pk")
        .values_list("pk", "at", "order__placed_at", "order__quantity", "order__service_id")
    )
    ends: defaultdict[int, list[_End]] = defaultdict(list)
    for event_id, at, placed_at, quantity, service_id in rows:
        seconds = max(0, int((at - placed_at).total_seconds()))
        ends[service_id].append((event_id, seconds, quantity))
    return ends


def _take_in(ends: dict[int, list[_End]]) -> None:
    with transaction.atomic():
        known = ServiceSpeed.objects.select_for_update().in_bulk(ends)
        ServiceSpeed.objects.bulk_create(
            [
                _speed(service_id, known.get(service_id), fresh)
                for service_id, fresh in sorted(ends.items())
            ],
            update_conflicts=True,
            unique_fields=["service"],
            update_fields=["seconds", "quantity", "orders", "latest"],
        )


def _speed(service_id: int, known: ServiceSpeed | None, fresh: Sequence[_End]) -> ServiceSpeed:
    before = [tuple(end) for end in known.latest] if known else []
    # A run that was cut short after its transaction reads the same events again.
    latest = sorted({*before, *fresh})[-ORDERS_KEPT:]
    return ServiceSpeed(
        service_id=service_id,
        seconds=median_low(seconds for _, seconds, _ in latest),
        quantity=median_low(quantity for _, _, quantity in latest),
        orders=len(latest),
        latest=latest,
    )
