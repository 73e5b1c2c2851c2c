"""R16: whatever a provider's price list says, nothing is sold or sent for less than it costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.catalogue import margin, mirror, pricing_rules, quarantine
from relaypanel.catalogue.models import Service
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.contract import TYPES, OrderType
from relaypanel.orders import place, send
from relaypanel.orders.models import Order, Status
from relaypanel.orders.place import OrderRequest
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider
from tests import cast
from tests.catalogue.lists import LIKES, sell
from tests.hostile.size import of, tell

LISTS = of(short=12, full=400)
SERVICES = [str(number) for number in range(1, 11)]
QUANTITY = 999
# Nothing, less than nothing, what no account could pay; and by how many tenths a rate moves.
ABSURD_E8 = (0, -1, 1, money.MAX_E8)
TENTHS = (1, 5, 9, 11, 12, 14, 30, 100, 10_000)

pytestmark = pytest.mark.django_db


@dataclass(kw_only=True)
class Market:
    """A shop and its provider, which tells another list each hour; half of our rates are fixed."""

    provider: Provider
    alice: User
    dice: random.Random
    told: dict[str, Listing]
    now: datetime = cast.NOW
    placed: int = 0
    sent: int = 0
    refused: int = 0
    below_cost: list[str] = field(default_factory=list)

    def tell_another_list(self) -> None:
        self.now += timedelta(hours=1)
        listings = {**self.told}
        for upstream_id in self.dice.sample(SERVICES, self.dice.randint(1, 3)):
            listings[upstream_id] = self._poisoned(listings[upstream_id])
        if self.dice.random() < 0.2:
            del listings[self.dice.choice(SERVICES)]
        sold = {name: row for name, row in listings.items() if row.rate_e8 > 0}
        mirror.sync(self.provider, listings=list(listings.values()), now=self.now)
        self.told = {**self.told, **sold}
        if self.dice.random() < 0.3:
            self._approve()

    def _approve(self) -> None:
        """A person says yes to all that waits, one after the other."""
        for waiting in list(quarantine.waiting()):
            with suppress(quarantine.StillBelowCost):
                quarantine.approve(ids=[waiting.pk], now=self.now)

    def _poisoned(self, row: Listing) -> Listing:
        moved_e8 = [LIKES.rate_e8 * tenths // 10 for tenths in TENTHS]
        rate_e8 = self.dice.choice((*ABSURD_E8, *moved_e8))
        if self.dice.random() < 0.1:
            row = replace(row, min=self.dice.choice((-5, 0, 9_999)), max=self.dice.choice((0, 5)))
        if self.dice.random() < 0.05:
            return replace(row, rate_e8=rate_e8, type=OrderType.PACKAGE)
        return replace(row, type=OrderType.DEFAULT, rate_e8=rate_e8)

    def sell_everything(self) -> None:
        requests = [
            OrderRequest(
                user_id=self.alice.pk,
                service_id=service_id,
                fields={"link": f"https://example.com/{self.placed}", "quantity": str(QUANTITY)},
            )
            for service_id in Service.objects.values_list("pk", flat=True)
        ]
        verdicts = place.place(requests=requests, now=self.now)
        orders = [verdict for verdict in verdicts if isinstance(verdict, Order)]
        self.placed += len(orders)
        self.refused += len(verdicts) - len(orders)
        self._judge(orders, "sold")

    def send_what_waits(self) -> None:
        parcels = send.due(provider=self.provider, limit=100, now=self.now)
        going = send.intend(provider=self.provider, parcels=parcels, now=self.now)
        orders = list(Order.objects.filter(pk__in=going))
        assert {order.status for order in orders} <= {Status.SENDING}
        self.sent += len(orders)
        self._judge(orders, "sent")

    def _judge(self, orders: Sequence[Order], act: str) -> None:
        for order in orders:
            assert order.upstream_service is not None
            row = self.told[order.upstream_service.upstream_id]
            # A package is one piece, however many were asked for.
            cost_e8 = Fraction(row.rate_e8 * order.quantity, TYPES[row.type].rate_per)
            if cost_e8 > order.charge_e8:
                self.below_cost.append(f"{act} for {order.charge_e8} at a cost of {cost_e8}")


def market() -> Market:
    provider, alice = cast.provider(), cast.alice(balance="1000000000").user
    rows = [replace(LIKES, upstream_id=name) for name in SERVICES]
    services = sell(provider, *rows)
    pricing_rules.set_for_provider(provider, Rule(percent_e2=2_000, auto_import=False))
    fixed = [service.pk for service in services[::2]]
    Service.objects.filter(pk__in=fixed).update(rate_locked=True)
    told = {row.upstream_id: row for row in rows}
    return Market(provider=provider, alice=alice, dice=random.Random(16), told=told)


def hours(lists: int) -> Market:
    found = market()
    for _ in range(lists):
        found.sell_everything()
        found.tell_another_list()
        found.send_what_waits()
        found.sell_everything()
    return found


class TestPoisonedLists:
    def test_let_nothing_be_sold_below_its_cost(self) -> None:
        found = hours(LISTS)

        tell(
            f"R16 poisoned lists: {LISTS} lists, {found.placed} orders placed, {found.sent} sent,"
            f" refused {found.refused}, below cost {len(found.below_cost)}"
        )
        assert found.below_cost == []
        assert found.placed > LISTS
        assert found.sent > 0
        assert found.refused > 0

    def test_sell_below_cost_where_every_list_is_believed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The twin: nobody asks whether a rate pays for its cost."""
        monkeypatch.setattr(margin, "covers", lambda **_: True)

        found = hours(of(short=12, full=40))

        tell(f"R16 twin, asks for no cost: below cost {len(found.below_cost)}")
        assert found.below_cost
