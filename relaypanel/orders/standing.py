"""How orders stand for the customer who looks at them: what is delivered, what may be asked.

All that a page of orders says is read together, in five queries for any number of orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Sum

from relaypanel import errors, money
from relaypanel.contract import OrderType
from relaypanel.orders import requests
from relaypanel.orders.models import (
    FINAL,
    OPEN_REFILL,
    CancelRequest,
    CancelState,
    DripFeed,
    FeedState,
    Order,
    Refill,
    Status,
    Subscription,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What is known of the runs or posts of an order: how many, and what they still owe."""

    count: int = 0
    remains: int = 0
    spent_e8: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """An order with all that a page says of it.

    `cancel` and `refill` are what stands in the way of each, None where it may be asked.
    """

    order: Order
    feed: DripFeed | None
    subscription: Subscription | None
    parts: Parts
    cancel_state: str
    last_refill: Refill | None
    cancel: errors.Refused | None
    refill: errors.Refused | None

    @property
    def is_open(self) -> bool:
        return self.order.status not in FINAL

    @property
    def is_subscription(self) -> bool:
        return self.order.type == OrderType.SUBSCRIPTIONS and self.order.parent_id is None

    @property
    def whole(self) -> int:
        """How much was ordered: pieces, or posts of a subscription (0: without a limit)."""
        if self.is_subscription:
            return int(self.order.fields.get("posts", 0))
        return self.order.quantity * (self.feed.runs if self.feed else 1)

    @property
    def done(self) -> int:
        """How much of it is delivered, as far as is known."""
        if self.is_subscription:
            return self.parts.count
        if self.order.status == Status.COMPLETED:
            return self.whole
        if self.feed is None:
            return max(self.whole - self.order.remains, 0)
        return max(self.parts.count * self.order.quantity - self.parts.remains, 0)

    @property
    def cost_e8(self) -> int:
        """What it has cost so far: what was paid less what came back."""
        if self.is_subscription:
            return self.parts.spent_e8
        return self.order.charge_e8 - self.order.refunded_e8

    @property
    def cancel_is_asked(self) -> bool:
        return self.is_open and self.cancel_state in (CancelState.ASKED, CancelState.FORWARDED)

    @property
    def ends_at_once(self) -> bool:
        """Whether a cancel takes effect now, because nobody upstream has heard of it."""
        return requests.is_unsent(self.order)

    @property
    def is_refilled(self) -> bool:
        return self.last_refill is not None and self.last_refill.state in OPEN_REFILL

    @property
    def runs_left(self) -> int:
        """How many runs of a drip-feed are to come."""
        if self.feed is None or self.feed.state not in (FeedState.GOING, FeedState.PAUSED):
            return 0
        return self.feed.runs - self.feed.next_run + 1

    @property
    def stop_refund_e8(self) -> int:
        """What comes back when a drip-feed is stopped now."""
        run_e8 = money.price(
            rate_e8=self.order.rate_e8, quantity=self.order.quantity, rate_per=self.order.rate_per
        )
        return self.runs_left * run_e8


def of(orders: Sequence[Order], *, now: datetime) -> list[Standing]:
    """Return how each order stands.  The orders come with their service."""
    ids = [order.pk for order in orders]
    feeds = DripFeed.objects.in_bulk(ids)
    subscriptions = Subscription.objects.in_bulk(ids)
    parts = _parts(feeds, orders)
    cancels = dict(CancelRequest.objects.filter(order__in=ids).values_list("order_id", "state"))
    refills = _last_refills(ids)
    return [
        Standing(
            order=order,
            feed=feeds.get(order.pk),
            subscription=subscriptions.get(order.pk),
            parts=parts.get(order.pk, Parts()),
            cancel_state=cancels.get(order.pk, ""),
            last_refill=refills.get(order.pk),
            cancel=requests.cancel_obstacle(order),
            refill=requests.refill_obstacle(
                order, latest=refills.get(order.pk), is_drip_feed=order.pk in feeds, now=now
            ),
        )
        for order in orders
    ]


def _parts(feeds: Mapping[int, DripFeed], orders: Iterable[Order]) -> dict[int, Parts]:
    parents = [
        order.pk for order in orders if order.pk in feeds or order.type == OrderType.SUBSCRIPTIONS
    ]
    if not parents:
        return {}
    sums = Order.objects.filter(parent__in=parents).order_by().values("parent_id")
    return {
        row["parent_id"]: Parts(
            count=row["count"],
            remains=int(row["remains"]),
            spent_e8=int(row["charged"] - row["refunded"]),
        )
        for row in sums.annotate(
            count=Count("id"),
            remains=Sum("remains"),
            charged=Sum("charge_e8"),
            refunded=Sum("refunded_e8"),
        )
    }


def _last_refills(order_ids: Sequence[int]) -> dict[int, Refill]:
    latest = Refill.objects.filter(order__in=order_ids).order_by().values("order_id")
    ids = latest.annotate(last=Max("id")).values("last")
    return {refill.order_id: refill for refill in Refill.objects.filter(pk__in=ids)}
