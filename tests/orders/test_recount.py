from __future__ import annotations

from typing import Any

import pytest

from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType, OrderWord
from relaypanel.orders import recount
from relaypanel.orders.models import Order, Refill, RefillState, RefillWatch, Status
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later, told

pytestmark = pytest.mark.django_db

POSTS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}


def sold(**settings: Any) -> Service:
    return scene.relayed(**{"refill_days": 30, "auto_refill": True} | settings)


def completed(*, remains: int = 0, **settings: Any) -> Order:
    """Return an order that was completed now, with `remains` missing at its end."""
    order = scene.placed(sold(**settings))
    return scene.standing(order, Status.COMPLETED, upstream_id="9001", remains=remains)


def due(*, days: float = 1) -> list[Order]:
    return recount.due(provider_id=scene.upstream().pk, now=later(days=days))


def settle(order: Order, answer: UpstreamStatus | Rejected, *, days: float = 1) -> int:
    return recount.settle(orders=[order], told={"9001": answer}, now=later(days=days))


class TestWatch:
    def test_is_kept_on_what_is_refilled_by_itself(self) -> None:
        order = scene.placed(sold())

        assert RefillWatch.objects.get().order == order

    def test_is_not_kept_where_the_service_does_not_say_so(self) -> None:
        scene.placed(sold(auto_refill=False))
        scene.placed(sold(type=OrderType.SUBSCRIPTIONS), **POSTS)

        assert not RefillWatch.objects.exists()

    def test_is_kept_on_the_runs_of_a_drip_feed_and_on_posts(self) -> None:
        parent = scene.placed(sold(dripfeed=True), runs="3", interval="30")
        [run] = scene.make_runs(parent, 1)
        service = sold(type=OrderType.SUBSCRIPTIONS)
        subscription = scene.standing(scene.placed(service, **POSTS), Status.IN_PROGRESS)
        [post] = scene.serve(subscription, "501")

        assert {watch.order for watch in RefillWatch.objects.all()} == {run, post}


class TestDue:
    def test_are_the_completed_orders_once_a_day(self) -> None:
        order = completed()

        assert due() == [order]
        assert due(days=1.9) == []
        assert due(days=2) == [order]

    def test_are_not_those_that_still_run_or_that_are_another_providers(self) -> None:
        scene.placed(sold())
        elsewhere = cast.provider(name="elsewhere")
        scene.standing(scene.placed(sold(provider=elsewhere)), Status.COMPLETED)

        assert due() == []
        assert RefillWatch.objects.count() == 2

    @pytest.mark.parametrize("status", [Status.PARTIAL, Status.CANCELED])
    def test_are_let_go_when_they_ended_short(self, status: Status) -> None:
        scene.standing(completed(), status)

        assert due() == []
        assert not RefillWatch.objects.exists()

    @pytest.mark.parametrize("change", [{"refill_days": None}, {"auto_refill": False}])
    def test_are_let_go_when_the_service_is_not_refilled_any_more(
        self, change: dict[str, Any]
    ) -> None:
        completed()
        Service.objects.update(**change)

        assert due() == []
        assert not RefillWatch.objects.exists()

    def test_are_let_go_when_the_days_are_over(self) -> None:
        order = completed(refill_days=30)

        assert due(days=30) == [order]
        assert due(days=31) == []
        assert not RefillWatch.objects.exists()


class TestSettle:
    def test_opens_a_refill_where_more_is_missing_than_at_the_end(self) -> None:
        order = completed()

        assert settle(order, told(OrderWord.COMPLETED, remains=40)) == 1

        made = Refill.objects.get(order=order)
        assert (made.state, made.asked_at) == (RefillState.PENDING, later(days=1))
        assert scene.reasons(order) == ["refill_opened_by_itself"]

    @pytest.mark.parametrize(
        "answer",
        [
            told(OrderWord.COMPLETED),
            told(OrderWord.COMPLETED, remains=0),
            # So much was missing when it was completed.
            told(OrderWord.COMPLETED, remains=157),
            told(OrderWord.COMPLETED, remains=-7),
            told(OrderWord.IN_PROGRESS, remains=400),
            told(None, remains=400),
            Rejected(fault=Fault.UNKNOWN_ORDER, words="?"),
        ],
    )
    def test_opens_none_where_nothing_has_dropped(self, answer: UpstreamStatus | Rejected) -> None:
        assert settle(completed(remains=157), answer) == 0

        assert not Refill.objects.exists()

    def test_opens_none_where_nothing_is_told(self) -> None:
        assert recount.settle(orders=[completed()], told={}, now=NOW) == 0

    def test_opens_one_at_a_time(self) -> None:
        order = completed()
        dropped = told(OrderWord.COMPLETED, remains=40)
        settle(order, dropped)

        assert settle(order, dropped, days=5) == 0

        assert Refill.objects.count() == 1
        assert scene.reasons(order) == ["refill_opened_by_itself"]

    def test_keeps_the_rules_of_a_refill_that_a_customer_asks_for(self) -> None:
        order = completed(refill_after_hours=48)

        assert settle(order, told(OrderWord.COMPLETED, remains=40)) == 0
        assert settle(order, told(OrderWord.COMPLETED, remains=40), days=2) == 1

    def test_takes_the_account_before_the_order(self) -> None:
        order = completed()

        with scene.touched() as touched:
            settle(order, told(OrderWord.COMPLETED, remains=40))

        assert touched[0] == "account"
