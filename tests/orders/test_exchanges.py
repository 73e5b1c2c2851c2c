from __future__ import annotations

from dataclasses import replace

import pytest

from relaypanel.orders import exchanges, send
from relaypanel.orders.heard import Exchange
from relaypanel.orders.models import Order, Status
from relaypanel.orders.send import Parcel
from relaypanel.providers import answers
from relaypanel.providers.answers import Accepted, AddAnswer, Fault, NotSent, Rejected, Unclear
from tests.orders import scene
from tests.orders.scene import LINK, later
from tests.orders.test_send import begin

pytestmark = pytest.mark.django_db

SENT = {"service": "77", "link": LINK, "quantity": "1000"}
TOLD = answers.Exchange(sent=SENT, status=200, reply='{"error":"Busy"}')
NO = Rejected(fault=Fault.OTHER, words="Busy", exchange=TOLD)
BUSY = replace(NO, fault=Fault.LINK_BUSY)
UNCLEAR = Unclear(reason="HTTP 502", exchange=replace(TOLD, status=502, reply="<html>"))


def sending() -> tuple[Order, Parcel]:
    order = scene.placed(scene.relayed())
    [parcel] = begin()
    return order, parcel


def settle(parcel: Parcel, answer: AddAnswer, **span: float) -> None:
    send.settle_all(settled=[(parcel, answer)], now=later(**(span or {"seconds": 5})))


class TestKeep:
    def test_writes_down_what_was_sent_and_said(self) -> None:
        order, parcel = sending()

        settle(parcel, NO)

        [one] = exchanges.of(order)
        assert (one.sent, one.status, one.reply) == (SENT, 200, '{"error":"Busy"}')
        assert (one.token, one.provider.name) == (1, "upstream")

    def test_writes_down_what_is_unclear_once(self) -> None:
        order, parcel = sending()

        settle(parcel, UNCLEAR)
        settle(parcel, UNCLEAR)

        assert [one.reply for one in exchanges.of(order)] == ["<html>"]
        assert scene.again(order).status == Status.UNCONFIRMED

    @pytest.mark.parametrize("answer", [Accepted(upstream_id="1"), NotSent(reason="refused")])
    def test_costs_nothing_when_there_is_nothing_to_tell(self, answer: AddAnswer) -> None:
        _order, parcel = sending()

        settle(parcel, answer)

        assert not Exchange.objects.exists()

    def test_writes_nothing_for_an_order_that_has_moved_on(self) -> None:
        order, parcel = sending()
        settle(parcel, Accepted(upstream_id="1"))

        settle(parcel, NO)

        assert exchanges.of(order) == []

    def test_keeps_the_last_attempts_alone(self) -> None:
        order = scene.placed(scene.relayed())
        for attempt in range(8):
            [parcel] = begin(hours=attempt)
            settle(parcel, BUSY, hours=attempt)

        assert [one.token for one in exchanges.of(order)] == [8, 7, 6, 5, 4]

    def test_takes_old_ones_with_it(self) -> None:
        order, parcel = sending()
        settle(parcel, UNCLEAR)
        other = scene.placed(scene.relayed())
        [parcel] = begin(hours=1)

        settle(parcel, NO, days=exchanges.KEPT_DAYS + 1)

        assert exchanges.of(order) == []
        assert len(exchanges.of(other)) == 1


class TestTaken:
    def test_is_the_form_as_it_went(self) -> None:
        order, parcel = sending()
        assert exchanges.taken(_read(order)) == {}

        settle(parcel, Accepted(upstream_id="9"))

        assert exchanges.taken(_read(order)) == SENT == {"service": parcel.service} | parcel.fields


def _read(order: Order) -> Order:
    return Order.objects.select_related("upstream_service").get(pk=order.pk)
