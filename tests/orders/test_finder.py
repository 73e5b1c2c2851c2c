from __future__ import annotations

from datetime import timedelta

import pytest

from relaypanel.orders import finder
from relaypanel.orders.finder import Wanted
from relaypanel.orders.models import CancelState, Order, Status
from relaypanel.providers.models import Provider
from tests import cast
from tests.orders import scene

pytestmark = pytest.mark.django_db


class TestPage:
    def test_shows_the_newest_first(self) -> None:
        first, second = scene.order(), scene.order()

        assert finder.page(Wanted()) == [second, first]
        assert finder.page(Wanted(), before_id=second.pk) == [first]

    def test_finds_by_what_staff_know(self) -> None:
        held = scene.order(Status.HELD)
        sent = scene.order(Status.PENDING, link="https://example.com/other")
        bob = cast.bob(balance="10").user
        by_hand = scene.placed_by(bob, cast.service(rate="1"))

        def found(**wanted: object) -> list[Order]:
            return finder.page(Wanted(**wanted))  # type: ignore[arg-type]

        assert found(statuses=[Status.HELD]) == [held]
        assert found(service_id=sent.service_id) == [sent]
        assert found(provider_id=Provider.objects.get().pk) == [sent, held]
        assert found(by_hand=True) == [by_hand]
        assert found(by_hand=False) == [sent, held]
        assert found(user_id=bob.pk) == [by_hand]
        assert found(link="https://example.com/other") == [sent]
        assert found(upstream_id=sent.upstream_id) == [sent]
        assert found(upstream_id="no") == []

    def test_finds_by_time(self) -> None:
        old = scene.order(placed_at=scene.NOW - timedelta(days=9))
        new = scene.order()

        assert finder.page(Wanted(since=scene.NOW)) == [new]
        assert finder.page(Wanted(until=scene.NOW)) == [old]
        assert finder.page(Wanted(since=scene.later(days=1))) == []
        assert finder.page(Wanted(until=scene.NOW - timedelta(days=10))) == []


class TestMargin:
    def test_is_what_is_left_of_the_charge_in_the_panels_currency(self) -> None:
        order = scene.order(Status.PARTIAL, cost_e8=40_000_000, refunded_e8=10_000_000)
        assert order.provider is not None
        order.provider.rate_to_panel_e8 = 50_000_000

        assert finder.cost_e8(order) == 20_000_000
        assert finder.margin_e8(order) == 70_000_000

    def test_is_unknown_until_the_provider_tells_its_charge(self) -> None:
        assert finder.margin_e8(scene.order()) is None
        assert finder.cost_e8(scene.placed(cast.service(rate="1"))) is None


class TestOne:
    def test_comes_with_its_timeline_and_runs(self) -> None:
        parent = scene.drip_feed()
        runs = scene.make_runs(parent, 2)

        order = finder.one(parent.pk)

        assert order == parent
        assert finder.children(parent) == runs[::-1]
        assert finder.timeline(parent)[0].reason == "placed"
        assert finder.one(987_654) is None


class TestWaiting:
    def test_counts_what_waits_for_a_person(self) -> None:
        scene.order(Status.HELD)
        scene.order(Status.UNCONFIRMED)
        scene.asked(scene.order(Status.PENDING))
        scene.asked(scene.order(Status.PENDING), state=CancelState.FORWARDED)
        # Of these two, the order tells the outcome.
        scene.asked(scene.order(Status.COMPLETED), state=CancelState.FORWARDED)
        scene.asked(scene.order(Status.PENDING), state=CancelState.REFUSED)

        waiting = finder.waiting()

        assert (waiting.held, waiting.unconfirmed, waiting.cancels, waiting.refills) == (1, 1, 2, 0)
        assert waiting.all == 4
