"""R16: every price is exact, whatever the rate, the type and the moment."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from django.db import connection
from msgspec.structs import replace

from relaypanel import clock, money
from relaypanel.catalogue.models import Service
from relaypanel.contract import TYPES
from relaypanel.ledger.audit import prove as prove_ledger
from relaypanel.orders import audit, place
from relaypanel.orders.models import Order
from tests import cast
from tests.hostile.size import of, tell

CASES = of(short=20_000, full=200_000)
ORDERS = of(short=200, full=2_000)
RATES = ("0.1", "0.99999", "3")


def mismatches(price: object) -> int:
    dice, wrong = random.Random(16), 0
    kinds = [spec.rate_per for spec in TYPES.values()]
    assert callable(price)
    for _ in range(CASES):
        rate_e8 = dice.randrange(0, 10 ** dice.randint(1, 9)) * money.RATE_STEP_E8
        quantity, per = dice.randrange(1, 10 ** dice.randint(1, 7)), dice.choice(kinds)
        exact = Fraction(rate_e8 * quantity, per)
        got = price(rate_e8=rate_e8, quantity=quantity, rate_per=per)
        wrong += Fraction(got) != exact or (rate_e8 > 0 and got <= 0)
    return wrong


class TestPrice:
    def test_is_what_fractions_say(self) -> None:
        wrong = mismatches(money.price)

        tell(f"R16 price: {CASES} cases over all types, mismatches and free ones {wrong}")
        assert wrong == 0

    def test_is_not_where_floats_are_used(self) -> None:
        def by_float(*, rate_e8: int, quantity: int, rate_per: int) -> int:
            rate = rate_e8 / money.ONE_E8
            return round(round(rate * quantity / rate_per, 5) * money.ONE_E8)

        wrong = mismatches(by_float)

        tell(f"R16 twin, floats: {wrong} mismatches")
        assert wrong > 0


@dataclass(kw_only=True)
class Flips:
    """Orders that Alice places while somebody changes the rate, each after she was shown a price.

    `believes` is what she sends with an order: the price that she was shown, or none.
    """

    believes: bool
    shown_above: int = 0
    refused: int = 0
    orders: list[Order] = field(default_factory=list)

    def run(self) -> None:
        alice, service = cast.alice(balance="100000").user, cast.service(rate=RATES[0])
        done = threading.Event()

        def flip() -> None:
            dice = random.Random(1)
            try:
                while not done.is_set():
                    self._flip(service.pk, dice.choice(RATES))
            finally:
                connection.close()

        flipper = threading.Thread(target=flip)
        flipper.start()
        try:
            for number in range(ORDERS):
                self._buy(alice.pk, service.pk, number)
        finally:
            done.set()
            flipper.join()

    def _buy(self, user_id: int, service_id: int, number: int) -> None:
        fields = {"link": f"https://example.com/{number}", "quantity": "123"}
        request = place.OrderRequest(user_id=user_id, service_id=service_id, fields=fields)
        [shown] = place.preview(requests=[request], now=clock.now())
        assert isinstance(shown, place.Quote), shown
        if number % 4 == 0:
            # Where one writer at a time may write, the other thread seldom comes to it.
            self._flip(service_id, RATES[number // 4 % len(RATES)])
        wanted = replace(request, price_max_e8=shown.price_e8 if self.believes else None)
        [order] = place.place(requests=[wanted], now=clock.now())
        if isinstance(order, Order):
            self.orders.append(order)
            self.shown_above += order.charge_e8 > shown.price_e8
        else:
            assert isinstance(order, place.PriceRose), order
            self.refused += 1

    def _flip(self, service_id: int, rate: str) -> None:
        Service.objects.filter(pk=service_id).update(rate_e8=money.parse(rate))


@pytest.mark.django_db(transaction=True)
class TestFlips:
    def test_charge_each_order_at_the_rate_it_keeps_and_never_above_what_was_shown(self) -> None:
        flips = Flips(believes=True)

        flips.run()

        orders = [(order.rate_e8, order.quantity, order.charge_e8) for order in flips.orders]
        wrong = sum(Fraction(rate * quantity, 1000) != charge for rate, quantity, charge in orders)
        met = {rate for rate, _, _ in orders}
        tell(
            f"R16 flips: {len(orders)} orders at {len(met)} rates, charged otherwise {wrong},"
            f" above what was shown {flips.shown_above}, refused {flips.refused}"
        )
        assert wrong == 0
        assert flips.shown_above == 0
        assert len(orders) + flips.refused == ORDERS
        assert flips.refused > 0
        assert len(met) > 1
        assert met <= {money.parse(rate) for rate in RATES}
        assert prove_ledger() + audit.prove() == []

    def test_charge_above_what_was_shown_where_nobody_says_what_that_was(self) -> None:
        flips = Flips(believes=False)

        flips.run()

        tell(f"R16 twin, asks for no price: charged above shown {flips.shown_above}")
        assert flips.shown_above > 0
