from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.orders import requests, schedules, standing
from relaypanel.orders.models import CancelState, Order, Refill, Status, Subscription
from relaypanel.orders.standing import Standing
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


def of(order: Order, *, hours: float = 0) -> Standing:
    order = Order.objects.select_related("service").get(pk=order.pk)
    [found] = standing.of([order], now=NOW + timedelta(hours=hours))
    return found


def placed(*, settings: dict[str, Any] | None = None, **fields: str) -> Order:
    service = scene.relayed(**({"refill_days": 30} | (settings or {})))
    return scene.placed(service, **fields)


def subscription(**fields: str) -> Order:
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
    wanted = {"username": "an", "min": "100", "max": "200", "delay": "0"} | fields
    return scene.placed(service, **wanted)


class TestStanding:
    def test_tells_what_is_delivered(self) -> None:
        order = placed(quantity="1000")
        Order.objects.filter(pk=order.pk).update(remains=400)

        found = of(order)

        assert (found.done, found.whole) == (600, 1000)
        assert found.is_open

    def test_never_tells_of_less_than_nothing(self) -> None:
        order = placed(quantity="1000")
        Order.objects.filter(pk=order.pk).update(remains=1200)

        assert of(order).done == 0

    def test_sums_the_runs_of_a_drip_feed(self) -> None:
        order = placed(settings={"dripfeed": True}, quantity="100", runs="5", interval="10")
        schedules.run_due(now=NOW)
        Order.objects.filter(parent=order).update(remains=30)

        found = of(order)

        assert (found.done, found.whole, found.runs_left) == (70, 500, 4)
        assert money.text(found.stop_refund_e8) == "0.4"
        assert isinstance(found.refill, requests.RefillDisabled)

    def test_counts_the_posts_of_a_subscription(self) -> None:
        order = subscription(posts="5")
        child = placed(quantity="100")
        Order.objects.filter(pk=child.pk).update(parent=order, run=1, type=order.type)

        found = of(order)

        assert found.is_subscription
        assert (found.done, found.whole) == (1, 5)
        assert found.cost_e8 == child.charge_e8
        assert not of(child).is_subscription

    def test_knows_what_paused_a_subscription(self) -> None:
        order = subscription()
        Subscription.objects.create(order=order, paused_for="upstream")

        known = of(order).subscription

        assert known is not None
        assert known.paused_for == "upstream"

    def test_says_what_stands_in_the_way(self) -> None:
        order = placed(settings={"cancel": False})

        found = of(order)

        assert isinstance(found.cancel, requests.CancelDisabled)
        assert isinstance(found.refill, requests.OrderNotCompleted)

    def test_says_when_a_refill_may_be_asked(self) -> None:
        order = placed(settings={"refill_after_hours": 24})
        scene.standing(order, Status.COMPLETED)

        soon, then = of(order).refill, of(order, hours=24).refill

        assert isinstance(soon, requests.RefillTooSoon)
        assert soon.until == NOW + timedelta(hours=24)
        assert then is None

    def test_knows_what_was_asked(self) -> None:
        order = scene.standing(placed(), Status.IN_PROGRESS)
        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=NOW)

        found = of(order)

        assert found.cancel_state == CancelState.ASKED
        assert found.cancel_is_asked

    def test_knows_the_last_refill_alone(self) -> None:
        order = placed()
        for n in range(2):
            last = Refill.objects.create(
                order=order,
                user_id=order.user_id,
                asked_at=NOW + timedelta(hours=n),
                due_at=NOW,
                **({"state": "completed", "ended_at": NOW} if n == 0 else {}),
            )

        found = of(order)

        assert found.last_refill == last
        assert found.is_refilled

    def test_ends_at_once_what_nobody_upstream_has_heard_of(self) -> None:
        assert of(placed()).ends_at_once
        assert not of(scene.standing(placed(), Status.IN_PROGRESS)).ends_at_once

    def test_costs_less_by_what_came_back(self) -> None:
        order = placed(quantity="1000")
        Order.objects.filter(pk=order.pk).update(refunded_e8=money.parse("0.25"))

        assert money.text(of(order).cost_e8) == "0.75"


class TestQueries:
    def test_are_the_same_for_any_number_of_orders(
        self, django_assert_num_queries: Queries
    ) -> None:
        for _ in range(3):
            placed()
        placed(settings={"dripfeed": True}, quantity="100", runs="5", interval="10")
        orders = list(Order.objects.select_related("service"))

        with django_assert_num_queries(5):
            found = standing.of(orders, now=NOW)
        assert [one.order.status for one in found if one.feed] == [Status.IN_PROGRESS]
