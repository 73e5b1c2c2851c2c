"""One order with its whole story, for its customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relaypanel.orders import history, standing
from relaypanel.orders.models import CancelRequest, Order, OrderEvent, Refill
from relaypanel.orders.standing import Standing

# A drip-feed has up to a thousand runs, and an order that ails for weeks as many events.
PARTS_SHOWN: Final = 50
EVENTS_SHOWN: Final = 100
REFILLS_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """Lists hold the latest first.  `parts` are the runs of a drip-feed, or posts."""

    standing: Standing
    events: Sequence[OrderEvent]
    cancel: CancelRequest | None
    refills: Sequence[Refill]
    parts: Sequence[Order]


def read(*, user_id: int, order_id: int, now: datetime) -> Detail:
    """Return the order.  Raises OrderNotFound, also for somebody else's."""
    order = history.one(user_id=user_id, order_id=order_id)
    (found,) = standing.of([order], now=now)
    return Detail(
        standing=found,
        events=list(order.events.order_by("-id")[:EVENTS_SHOWN]),
        cancel=CancelRequest.objects.filter(order=order).first(),
        refills=list(order.refills.order_by("-id")[:REFILLS_SHOWN]),
        parts=list(order.children.order_by("-run")[:PARTS_SHOWN]),
    )
