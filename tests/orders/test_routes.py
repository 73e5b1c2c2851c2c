from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.catalogue.models import Route, UserRate
from relaypanel.contract import OrderType
from relaypanel.orders import routes, schedules, send, staff
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

# What 1,000 pieces cost the customer, whose provider takes half of it.
PAID = "1"


def due(provider: Provider | None = None) -> list[int]:
    """Send what waits, as far as the intent, and return the orders that go."""
    provider = provider or scene.upstream()
    parcels = send.due(provider=provider, limit=10, now=later(hours=1))
    return sorted(send.intend(provider=provider, parcels=parcels, now=later(hours=1)))


def becomes_dear(rate: str = "1.00001") -> None:
    UpstreamService.objects.filter(upstream_id="77").update(rate_e8=money.parse(rate))


def last_event(order: Order) -> tuple[str, str]:
    event = OrderEvent.objects.filter(order=order).latest("pk")
    return event.reason, event.detail


class TestDearRoute:
    def test_gets_what_the_customer_paid_for(self) -> None:
        order = scene.placed(scene.relayed(rate=PAID))
        becomes_dear(PAID)

        assert due() == [order.pk]

    def test_keeps_an_order_from_being_sent_at_a_loss(self) -> None:
        order = scene.placed(scene.relayed(rate=PAID))
        becomes_dear()

        assert due() == []

        stored = scene.again(order)
        assert (stored.status, stored.attempts) == (Status.HELD, 0)
        assert last_event(order) == ("costs_too_much", "it costs 1.00001 now, and is worth 1")

    def test_counts_in_the_currency_of_the_panel(self) -> None:
        order = scene.placed(scene.relayed(rate=PAID))
        Provider.objects.update(currency="EUR", rate_to_panel_e8=money.parse("2.1"))

        assert due() == []
        assert scene.again(order).status == Status.HELD

    def test_holds_up_no_other_order(self) -> None:
        scene.placed(scene.relayed(rate=PAID))
        becomes_dear()
        cheap = cast.service(rate=PAID)
        cast.route(cheap, scene.upstream(), upstream_id="78")
        order = scene.placed(cheap)

        assert due() == [order.pk]

    def test_is_left_for_the_next_one_that_pays(self) -> None:
        service = scene.relayed(rate=PAID)
        other = cast.provider(name="other")
        cast.route(service, other, upstream_id="88")
        Route.objects.filter(upstream__provider=other).update(position=1)
        order = scene.placed(service)
        becomes_dear()

        assert due() == []

        stored = scene.again(order)
        assert (stored.status, stored.provider, stored.token) == (Status.QUEUED, other, 0)
        assert last_event(order) == ("next_route", "it costs 1.00001 now, and is worth 1")
        assert due(other) == [order.pk]

    def test_is_what_the_owner_wants_where_it_was_dear_when_it_was_ordered(self) -> None:
        service = scene.relayed(rate=PAID)
        UserRate.objects.create(user=scene.alice(), service=service, rate_e8=money.parse("0.1"))
        order = scene.placed(service)

        assert due() == [order.pk]

    def test_gets_a_held_order_that_staff_release(self) -> None:
        order = scene.placed(scene.relayed(rate=PAID))
        becomes_dear()
        due()

        staff.release(order_id=order.pk, now=NOW)

        assert due() == [order.pk]

    def test_gets_no_run_of_a_drip_feed_that_was_paid_when_it_was_cheap(self) -> None:
        parent = scene.drip_feed(runs=2)
        [first, second] = scene.make_runs(parent, 2)
        scene.standing(first, Status.PENDING)
        becomes_dear()

        assert due() == []

        assert scene.again(second).status == Status.HELD

    def test_gets_a_run_that_was_as_dear_when_the_drip_feed_was_ordered(self) -> None:
        service = scene.relayed(dripfeed=True, rate=PAID)
        becomes_dear()
        parent = scene.placed(service, runs="2", interval="30")
        schedules.look(now=NOW)
        [run] = scene.runs(parent)

        assert due() == [run.pk]

    def test_gets_a_subscription_whose_cost_nobody_can_foresee(self) -> None:
        service = scene.relayed(type=OrderType.SUBSCRIPTIONS, rate=PAID)
        fields = {"username": "an", "min": "10", "max": "20", "delay": "0"}
        order = scene.placed(service, **fields)
        becomes_dear("5")

        assert due() == [order.pk]


class TestWithoutTheGuard:
    def test_an_order_is_sent_at_a_loss(self, monkeypatch: pytest.MonkeyPatch) -> None:
        order = scene.placed(scene.relayed(rate=PAID))
        becomes_dear()
        monkeypatch.setattr(routes, "pays", lambda _: True)

        assert due() == [order.pk]
