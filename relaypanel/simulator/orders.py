"""What this panel remembers of one order, one subscription and one refill.

Seconds here are the panel's own, as its clock says them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from relaypanel import contract, money
from relaypanel.contract import OrderWord, RefillWord, SubscriptionWord
from relaypanel.simulator import catalogue, progress
from relaypanel.simulator.catalogue import Offer
from relaypanel.simulator.progress import Look, Plan

CURRENCY: Final = "USD"

# A subscription finds a post to serve this often.
POST_SECONDS: Final = 4

REFILL_IN_PROGRESS_SECONDS: Final = 1
REFILL_END_SECONDS: Final = 4


@dataclass(kw_only=True, slots=True)
class Order:
    """`charge_e8` is what is kept of the price: refunds have left it already."""

    id: int
    offer: Offer
    plan: Plan
    charge_e8: int
    placed_seconds: float
    # Set when somebody canceled it: how it stays for good.
    stopped: Look | None = None

    def look(self, now_seconds: float) -> Look:
        return self.stopped or progress.look(
            self.plan, elapsed_seconds=now_seconds - self.placed_seconds
        )

    def is_over(self, now_seconds: float) -> bool:
        elapsed_seconds = now_seconds - self.placed_seconds
        return self.stopped is not None or elapsed_seconds >= self.plan.course.end_seconds

    def stop(self, now_seconds: float) -> None:
        assert not self.is_over(now_seconds)
        seen = self.look(now_seconds)
        untouched = seen.remains == self.plan.quantity
        self.stopped = Look(
            word=OrderWord.CANCELED if untouched else OrderWord.PARTIAL,
            start_count=seen.start_count,
            remains=seen.remains,
        )

    def refund(self, remains: int) -> int:
        """Give back the price of `remains` pieces and return it, in e8."""
        refund_e8 = catalogue.price(self.offer, remains)
        assert refund_e8 <= self.charge_e8
        self.charge_e8 -= refund_e8
        return refund_e8

    def reply(self, now_seconds: float) -> contract.StatusReply:
        seen = self.look(now_seconds)
        return {
            "charge": money.text(self.charge_e8),
            "start_count": str(seen.start_count or 0),
            "status": seen.word.value,
            "remains": str(seen.remains),
            "currency": CURRENCY,
        }


@dataclass(kw_only=True, slots=True)
class Subscription:
    """Paid for all its posts when it is placed; the orders it makes cost nothing more."""

    id: int
    offer: Offer
    quantity: int
    posts: int
    expiry: str | None
    charge_e8: int
    placed_seconds: float
    orders: list[Order] = field(default_factory=list)

    def posts_due(self, now_seconds: float) -> int:
        """Return how many posts have appeared by now."""
        return min(self.posts, int((now_seconds - self.placed_seconds) / POST_SECONDS))

    def serve(self, *, order_id: int, start_count: int) -> Order:
        """Make and return the order for the next post, placed when that post appeared."""
        plan = Plan(course=progress.POST, quantity=self.quantity, start_count=start_count)
        order = Order(
            id=order_id,
            offer=self.offer,
            plan=plan,
            charge_e8=0,
            placed_seconds=self.placed_seconds + POST_SECONDS * (len(self.orders) + 1),
        )
        self.orders.append(order)
        return order

    def reply(self) -> contract.SubscriptionReply:
        over = len(self.orders) == self.posts
        return {
            "status": (SubscriptionWord.COMPLETED if over else SubscriptionWord.ACTIVE).value,
            "expiry": self.expiry,
            "posts": str(len(self.orders)),
            "orders": [str(order.id) for order in self.orders],
            "charge": money.text(self.charge_e8),
            "currency": CURRENCY,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Refill:
    id: int
    asked_seconds: float
    end: RefillWord

    def word(self, now_seconds: float) -> RefillWord:
        elapsed_seconds = now_seconds - self.asked_seconds
        if elapsed_seconds >= REFILL_END_SECONDS:
            return self.end
        if elapsed_seconds >= REFILL_IN_PROGRESS_SECONDS:
            return RefillWord.IN_PROGRESS
        return RefillWord.PENDING

    def is_running(self, now_seconds: float) -> bool:
        return self.word(now_seconds) in (RefillWord.PENDING, RefillWord.IN_PROGRESS)
