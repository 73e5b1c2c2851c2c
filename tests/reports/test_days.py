from __future__ import annotations

from datetime import date, timedelta

import pytest

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from relaypanel.reports import days
from relaypanel.reports.models import Best, Day
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 24)


def today() -> Day:
    days.look(now=NOW)
    return Day.objects.get(pk=TODAY)


def ago(order: Order, number: int) -> Order:
    Order.objects.filter(pk=order.pk).update(placed_at=NOW - timedelta(days=number))
    return order


class TestDay:
    def test_adds_up_what_was_sold_and_what_it_cost(self) -> None:
        scene.order(Status.COMPLETED, cost_e8=money.parse("0.4"))
        scene.order(Status.PARTIAL, cost_e8=money.parse("0.2"), refunded_e8=money.parse("0.5"))
        Provider.objects.update(rate_to_panel_e8=money.parse("2"))

        day = today()

        assert (day.orders, money.text(day.sales_e8)) == (2, "1.5")
        assert money.text(day.cost_e8) == "1.2"
        assert day.states == {"completed": 1, "partial": 1}
        assert day.new_users == 1

    def test_counts_a_drip_feed_once_and_each_post_of_a_subscription(self) -> None:
        parent = scene.drip_feed(runs=3)
        scene.make_runs(parent, 2)
        Order.objects.filter(parent=parent).update(cost_e8=money.parse("0.1"))
        subscription = scene.placed(
            scene.relayed(type=OrderType.SUBSCRIPTIONS),
            username="an",
            min="10",
            max="20",
            posts="2",
            delay="0",
        )
        standing = scene.standing(subscription, Status.PENDING)
        scene.serve(standing, "901")

        day = today()

        posts = Order.objects.filter(parent=subscription)
        charged = sum(posts.values_list("charge_e8", flat=True))
        assert day.orders == 2 + posts.count()
        assert day.sales_e8 == money.parse("3") + charged
        assert money.text(day.cost_e8) == "0.2"

    def test_holds_the_largest_amounts_there_are(self) -> None:
        for _ in range(3):
            scene.order(charge_e8=money.MAX_E8, cost_e8=money.MAX_E8)

        day = today()

        assert (day.sales_e8, day.cost_e8) == (money.MAX_E8, money.MAX_E8)

    def test_follows_what_changes_later(self) -> None:
        order = scene.order(Status.COMPLETED)
        assert money.text(today().sales_e8) == "1"

        Order.objects.filter(pk=order.pk).update(refunded_e8=money.parse("1"))

        assert today().sales_e8 == 0


class TestLook:
    def test_catches_up_with_the_past_some_days_at_a_time(self) -> None:
        ago(scene.order(), 60)

        assert days.look(now=NOW)
        assert not days.look(now=NOW)

        assert Day.objects.count() == 61
        assert Day.objects.get(pk=TODAY - timedelta(days=60)).orders == 1

    def test_looks_at_a_month_again_after_an_hour_and_at_no_more(self) -> None:
        near, far = ago(scene.order(), 10), ago(scene.order(), 35)
        days.look(now=NOW)
        Order.objects.filter(pk__in=(near.pk, far.pk)).update(refunded_e8=money.parse("1"))

        days.look(now=later(minutes=30))
        assert Day.objects.get(pk=TODAY - timedelta(days=10)).sales_e8 > 0
        days.look(now=later(minutes=61))

        assert Day.objects.get(pk=TODAY - timedelta(days=10)).sales_e8 == 0
        assert Day.objects.get(pk=TODAY - timedelta(days=35)).sales_e8 > 0

    def test_makes_a_day_of_an_empty_panel(self) -> None:
        day = today()

        assert (day.orders, day.sales_e8, day.states) == (0, 0, {})


class TestBest:
    def test_names_what_sold_best_and_to_whom(self) -> None:
        bob = cast.bob(balance="10").user
        small, large = scene.relayed(), scene.relayed(rate="3")
        scene.placed(small)
        scene.placed_by(bob, large)
        ago(scene.placed(small), 5)

        days.look(now=NOW)

        best = Best.objects.get(days=1)
        assert [(row["name"], row["orders"]) for row in best.services] == [
            (large.name, 1),
            (small.name, 1),
        ]
        assert [(row["name"], row["sales_e8"]) for row in best.customers] == [
            ("bob", money.parse("3")),
            ("alice", money.parse("1")),
        ]
        assert [row["orders"] for row in Best.objects.get(days=7).customers] == [1, 2]
