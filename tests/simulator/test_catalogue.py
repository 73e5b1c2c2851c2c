from __future__ import annotations

from typing import Any

import pytest

from relaypanel import money
from relaypanel.contract import TYPES, OrderType
from relaypanel.simulator import catalogue, progress
from relaypanel.simulator.catalogue import SERVICES, Offer
from tests.simulator.buyer import offer


class TestServices:
    def test_are_of_every_order_type(self) -> None:
        assert {offer.type for offer in SERVICES} == set(TYPES)

    def test_have_each_switch_on_and_off(self) -> None:
        defaults = [offer for offer in SERVICES if offer.type is OrderType.DEFAULT]

        switches = {(offer.refill, offer.cancel, offer.dripfeed) for offer in defaults}

        one_of_refill_and_cancel = ((False, False), (True, False), (False, True))
        assert switches == {
            (refill, cancel, dripfeed)
            for refill, cancel in one_of_refill_and_cancel
            for dripfeed in (False, True)
        }

    def test_have_an_id_each(self) -> None:
        assert len({offer.id for offer in SERVICES}) == len(SERVICES)

    def test_have_rates_written_as_the_wire_does(self) -> None:
        rates = [offer.rate for offer in SERVICES]

        assert all(money.text(money.parse(rate)) == rate for rate in rates)
        assert all(money.parse(rate) % money.RATE_STEP_E8 == 0 for rate in rates)
        assert any("." in rate for rate in rates)
        assert any("." not in rate for rate in rates)

    def test_say_so_when_they_end_badly(self) -> None:
        ends = {offer.id: offer.description for offer in SERVICES if offer.course}

        assert ends == {
            901: "Every order ends Partial: a third of it, rounded down, stays undelivered.",
            902: "Every order is Canceled after a few seconds, with nothing delivered.",
        }


class TestOffer:
    @pytest.mark.parametrize(
        ("type", "switches"),
        [
            (OrderType.DEFAULT, {"refill": True, "cancel": True}),
            (OrderType.SEO, {"dripfeed": True}),
            (OrderType.SUBSCRIPTIONS, {"cancel": True}),
            (OrderType.SUBSCRIPTIONS, {"refill": True}),
        ],
    )
    def test_refuses_switches_that_cannot_be_kept(
        self, type: OrderType, switches: dict[str, Any]
    ) -> None:
        with pytest.raises(AssertionError):
            Offer(id=1, shelf=catalogue.WEBSITE, name="x", type=type, rate="1", **switches)


class TestCourse:
    @pytest.mark.parametrize(
        ("service", "course"),
        [
            (101, progress.QUICK),
            (102, progress.PATIENT),
            (201, progress.ORDINARY),
            (901, progress.STOPS_SHORT),
        ],
    )
    def test_follows_from_what_may_be_asked(self, service: int, course: progress.Course) -> None:
        assert catalogue.course(offer(service)) is course


class TestPrice:
    def test_is_by_the_thousand(self) -> None:
        assert catalogue.price(offer(102), 300) == money.parse("0.083457")

    def test_is_by_the_piece_for_a_package(self) -> None:
        assert catalogue.price(offer(301), 1) == money.parse("4")


class TestRow:
    def test_is_as_the_wire_has_it(self) -> None:
        assert catalogue.row(offer(101)) == {
            "service": 101,
            "name": "Facebook cảm xúc Like 👍 Việt 🇻🇳 | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 10K | 🛡️",
            "desc": "Like chất lượng cao: người Việt, người thật, tỉ lệ tụt thấp.",
            "type": "Default",
            "category": "⭐ FB Like + cảm xúc Việt 🇻🇳 | ổn định",
            "platform": "Dịch vụ Facebook",
            "rate": "15",
            "min": "10",
            "max": "10000",
            "refill": True,
            "cancel": False,
            "dripfeed": False,
        }
