"""Tells customers what became of their orders, by following the timelines of these.

Nothing is written for it where orders are moved.  The cursor is the number of the last event that
was told.  Numbers are given out before their transactions are over, so an event is read only some
seconds after it happened, when those with lower numbers are there too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from relaypanel.notices import outbox
from relaypanel.notices.models import Kind
from relaypanel.notices.outbox import News
from relaypanel.orders.models import OrderEvent, Refill, RefillState, Status

BATCH: Final = 500
# Longer than any of our transactions takes.
SETTLED_AFTER: Final = timedelta(seconds=15)
# Where a duty that has never run stands, and where one that has begun at the very start does.
_NEVER, _FROM_THE_START = 0, -1

_ENDS: Final = {
    Status.COMPLETED: Kind.ORDER_COMPLETED,
    Status.PARTIAL: Kind.ORDER_PARTIAL,
    Status.CANCELED: Kind.ORDER_CANCELED,
}
_REFILL_ENDS: Final = ("refill_completed", "refill_rejected", "refill_given_up")


def follow(*, cursor: int, now: datetime) -> tuple[int, bool]:
    """Tell a batch of news; return the new cursor, and whether nothing more is to be read now."""
    if cursor == _NEVER:
        # What happened before anybody followed is no news.
        newest = OrderEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        return newest or _FROM_THE_START, True
    events = list(
        OrderEvent.objects.filter(pk__gt=cursor)
        .order_by("pk")
        .values_list("pk", "at", "to_status", "reason", "order_id")[:BATCH]
    )
    settled = list(takewhile(lambda event: event[1] <= now - SETTLED_AFTER, events))
    if not settled:
        return cursor, True
    ends = {pk: _ENDS[Status(to)] for pk, _, to, _, _ in settled if to in _ENDS}
    refilled = {order for *_, reason, order in settled if reason in _REFILL_ENDS}
    outbox.tell_all([*_of_orders(ends), *_of_refills(refilled)], now=now)
    return settled[-1][0], len(settled) < BATCH


def _of_orders(ends: dict[int, Kind]) -> Iterator[News]:
    # The runs of a drip-feed are told of by their parent, the posts of a subscription one by one.
    rows = OrderEvent.objects.filter(pk__in=ends, order__parent__drip_feed=None)
    for event in rows.select_related("order__service").order_by("pk"):
        order = event.order
        data: dict[str, str | int] = {
            "order": order.pk,
            "service": order.service.name,
            "link": order.link,
            "quantity": order.quantity,
        }
        if event.to_status != Status.COMPLETED:
            data |= {"remains": order.remains, "refunded_e8": order.refunded_e8}
        yield News(user_id=order.user_id, kind=ends[event.pk], data=data)


def _of_refills(order_ids: Collection[int]) -> Iterator[News]:
    # An event does not name its refill; those that were told before are not told again.
    rows = Refill.objects.filter(order__in=order_ids, ended_at__isnull=False)
    for refill in rows.select_related("order").order_by("pk"):
        is_done = refill.state == RefillState.COMPLETED
        kind = Kind.REFILL_COMPLETED if is_done else Kind.REFILL_REJECTED
        data: dict[str, str | int] = {
            "order": refill.order_id,
            "refill": refill.pk,
            "link": refill.order.link,
        }
        yield News(user_id=refill.order.user_id, kind=kind, data=data)
