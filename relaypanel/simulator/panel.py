"""The panel itself: its orders, its balance and its answers.  No HTTP and no database.

    panel = Panel(clock=lambda: seconds)
    panel.answer({"key": "any", "action": "balance"})  # {"balance": "1000000", …}

It behaves well, as part A of docs/api-v2.md says; bad manners are in replies.py.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from relaypanel import contract, money
from relaypanel.contract import Action, OrderType, OrderWord, RefillWord
from relaypanel.simulator import catalogue, intake, words
from relaypanel.simulator.catalogue import Offer
from relaypanel.simulator.intake import Wish
from relaypanel.simulator.orders import CURRENCY, Order, Refill, Subscription
from relaypanel.simulator.progress import Plan
from relaypanel.simulator.words import TurnedDown

Form = Mapping[str, str]

Placed = TypeVar("Placed", Order, Subscription)
Answer = TypeVar("Answer")

BALANCE_E8: Final = 1_000_000 * money.ONE_E8


class Panel:
    """`clock` says seconds that only go forward.  Without `key` any key will do.

    `calls` counts by action and `accepted` by link (or username) the orders taken: the proof
    that nobody sent one twice.  `placed` says by ID for which link each was.  One that `adopts`
    takes any ID it is asked about for an order in progress: a bench asks about more orders than
    it can place.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        first_id: int = 1,
        key: str | None = None,
        balance_e8: int = BALANCE_E8,
        services: Sequence[Offer] = catalogue.SERVICES,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.placed: dict[int, str] = {}
        self.adopts = False
        self._clock = clock
        # The moment of the call that is being answered.
        self._now_seconds = clock()
        self._key = key
        self._balance_e8 = balance_e8
        self._offers = {offer.id: offer for offer in services}
        self._rows = [catalogue.row(offer) for offer in services]
        self._next_id = first_id
        self._orders: dict[int, Order | Subscription] = {}
        self._refills: dict[int, Refill] = {}
        self._refill_of_order: dict[int, Refill] = {}
        # Orders that will give money back by themselves, the next one first.
        self._falling_short: list[tuple[float, int, Order]] = []
        self._answers: Mapping[str, Callable[[Form], object]] = {
            Action.SERVICES: self._services,
            Action.ADD: self._add,
            Action.STATUS: self._status,
            Action.CANCEL: self._cancel,
            Action.BALANCE: self._balance,
            Action.REFILL: self._refill,
            Action.REFILL_STATUS: self._refill_status,
        }

    def answer(self, form: Form) -> object:
        """Return the reply to one call, ready for JSON.  A refusal is a reply as well."""
        self.count(form)
        self._now_seconds = self._clock()
        self._pay_back()
        try:
            return self._do(form)
        except TurnedDown as no:
            return {"error": no.words}

    def count(self, form: Form) -> None:
        """Count a call, also one that a fault keeps from being answered."""
        action = form.get("action", "")
        self.calls[action if action in self._answers else "other"] += 1

    @property
    def last_id(self) -> int | None:
        """Return the ID of the newest order, None before the first."""
        return next(reversed(self._orders), None)

    def _do(self, form: Form) -> object:
        key = form.get("key", "")
        if not key or self._key not in (None, key):
            raise TurnedDown(words.INVALID_KEY)
        answer = self._answers.get(form.get("action", ""))
        if answer is None:
            raise TurnedDown(words.INCORRECT_ACTION)
        return answer(form)

    # -- the actions --

    def _services(self, _: Form) -> list[contract.ServiceRow]:
        return self._rows

    def _balance(self, _: Form) -> contract.BalanceReply:
        return {"balance": money.text(self._balance_e8), "currency": CURRENCY}

    def _add(self, form: Form) -> contract.AddReply:
        offer = self._offers.get(intake.whole_number(form.get("service", "")) or 0)
        if offer is None:
            raise TurnedDown(words.INCORRECT_SERVICE)
        wish = intake.read(offer=offer, form=form)
        order = self._place(offer, wish)
        self.accepted[wish.target] += 1
        self.placed[order.id] = wish.target
        return {"order": order.id}

    def _status(self, form: Form) -> object:
        if "orders" not in form:
            return self._status_of(form.get("order", ""))
        return {text: _or_error(self._status_of, text) for text in _ids(form["orders"])}

    def _cancel(self, form: Form) -> list[contract.CancelRow]:
        asked = _ids(form.get("orders", ""))
        return [{"order": _id(text), "cancel": _or_error(self._stop, text)} for text in asked]

    def _refill(self, form: Form) -> object:
        if "orders" not in form:
            return {"refill": str(self._start_refill(form.get("order", "")))}
        return [
            {"order": _id(text), "refill": _or_error(self._start_refill, text)}
            for text in _ids(form["orders"])
        ]

    def _refill_status(self, form: Form) -> object:
        if "refills" not in form:
            return {"status": self._refill_word(form.get("refill", ""))}
        return [
            {"refill": _id(text), "status": _or_error(self._refill_word, text)}
            for text in _ids(form["refills"])
        ]

    # -- placing --

    def _place(self, offer: Offer, wish: Wish) -> Order | Subscription:
        charge_e8 = catalogue.price(offer, wish.posts or wish.quantity)
        if charge_e8 > self._balance_e8:
            raise TurnedDown(words.NO_FUNDS)
        self._balance_e8 -= charge_e8
        if offer.type is OrderType.SUBSCRIPTIONS:
            return self._keep(self._new_subscription(offer, wish, charge_e8))
        return self._keep(self._new_order(offer, wish, charge_e8))

    def _new_subscription(self, offer: Offer, wish: Wish, charge_e8: int) -> Subscription:
        return Subscription(
            id=self._new_id(),
            offer=offer,
            quantity=wish.quantity,
            posts=wish.posts,
            expiry=wish.expiry,
            charge_e8=charge_e8,
            placed_seconds=self._now_seconds,
        )

    def _new_order(self, offer: Offer, wish: Wish, charge_e8: int) -> Order:
        order_id = self._new_id()
        course = catalogue.course(offer)
        order = Order(
            id=order_id,
            offer=offer,
            plan=Plan(course=course, quantity=wish.quantity, start_count=_start_count(order_id)),
            charge_e8=charge_e8,
            placed_seconds=self._now_seconds,
        )
        if course.end is not OrderWord.COMPLETED:
            heapq.heappush(
                self._falling_short, (order.placed_seconds + course.end_seconds, order_id, order)
            )
        return order

    def _keep(self, order: Placed) -> Placed:
        self._orders[order.id] = order
        return order

    def _new_id(self) -> int:
        new_id = self._next_id
        self._next_id += 1
        return new_id

    # -- what follows --

    def _status_of(self, text: str) -> contract.StatusReply | contract.SubscriptionReply:
        if self.adopts and (number := intake.whole_number(text) or 0) not in self._orders:
            return _adopted(number)
        order = self._find(text)
        if isinstance(order, Order):
            return order.reply(self._now_seconds)
        self._serve_posts(order)
        return order.reply()

    def _serve_posts(self, subscription: Subscription) -> None:
        while len(subscription.orders) < subscription.posts_due(self._now_seconds):
            order_id = self._new_id()
            self._keep(subscription.serve(order_id=order_id, start_count=_start_count(order_id)))

    def _stop(self, text: str) -> int:
        order = self._find(text)
        if not order.offer.cancel:
            raise TurnedDown(words.CANCEL_OFF)
        assert isinstance(order, Order)
        if order.is_over(self._now_seconds):
            raise TurnedDown(words.CANCEL_TOO_LATE)
        order.stop(self._now_seconds)
        self._balance_e8 += order.refund(order.look(self._now_seconds).remains)
        return 1

    def _start_refill(self, text: str) -> int:
        order = self._find(text)
        if not order.offer.refill:
            raise TurnedDown(words.REFILL_OFF)
        assert isinstance(order, Order)
        if order.look(self._now_seconds).word is not OrderWord.COMPLETED:
            raise TurnedDown(words.REFILL_TOO_SOON)
        last = self._refill_of_order.get(order.id)
        if last is not None and last.is_running(self._now_seconds):
            raise TurnedDown(words.REFILL_RUNNING)
        return self._new_refill(order).id

    def _new_refill(self, order: Order) -> Refill:
        rejected = order.offer.refills_are_rejected
        refill = Refill(
            id=self._new_id(),
            asked_seconds=self._now_seconds,
            end=RefillWord.REJECTED if rejected else RefillWord.COMPLETED,
        )
        self._refills[refill.id] = self._refill_of_order[order.id] = refill
        return refill

    def _refill_word(self, text: str) -> str:
        refill = self._refills.get(intake.whole_number(text) or 0)
        if refill is None:
            raise TurnedDown(words.REFILL_UNKNOWN)
        return refill.word(self._now_seconds).value

    def _pay_back(self) -> None:
        """Refund the orders that have ended short by themselves since the last call."""
        while self._falling_short and self._falling_short[0][-1].is_over(self._now_seconds):
            _, _, order = heapq.heappop(self._falling_short)
            self._balance_e8 += order.refund(order.look(self._now_seconds).remains)

    def _find(self, text: str) -> Order | Subscription:
        order = self._orders.get(intake.whole_number(text) or 0)
        if order is None:
            raise TurnedDown(words.INCORRECT_ORDER)
        return order


def _adopted(order_id: int) -> contract.StatusReply:
    return {
        "charge": "0.5",
        "start_count": str(_start_count(order_id)),
        "status": OrderWord.IN_PROGRESS.value,
        "remains": "500",
        "currency": CURRENCY,
    }


def _start_count(order_id: int) -> int:
    """Return what was there before, made up, and the same whenever it is asked for."""
    return 100 + order_id * 7919 % 9_000


def _ids(text: str) -> list[str]:
    """Return the IDs of a list as they were written, each once.  Raises TurnedDown."""
    asked = list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
    if not asked:
        raise TurnedDown(words.INCORRECT_ORDER)
    if len(asked) > contract.IDS_MAX:
        raise TurnedDown(words.TOO_MANY_IDS)
    return asked


def _id(text: str) -> int | str:
    number = intake.whole_number(text)
    return text if number is None else number


def _or_error(ask: Callable[[str], Answer], text: str) -> Answer | contract.ErrorReply:
    try:
        return ask(text)
    except TurnedDown as no:
        return {"error": no.words}
