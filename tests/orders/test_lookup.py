from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.contract import OrderType, SubscriptionWord
from relaypanel.orders import lookup, refund, schedules
from relaypanel.orders.models import Order, PausedFor, Status, Subscription
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

POSTS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}


def told(order: Order) -> object:
    return lookup.statuses(user_id=order.user_id, order_ids=[order.pk])[order.pk]


def word_of(order: Order) -> str:
    reply = lookup.statuses(user_id=order.user_id, order_ids=[order.pk])[order.pk]
    return reply["status"]


def subscription(status: Status, **fields: str) -> Order:
    """Return a subscription that served one post."""
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS, rate="0.5")
    order = scene.standing(scene.placed(service, **POSTS, **fields), Status.PENDING)
    scene.serve(order, f"{order.pk}-1")
    return scene.standing(order, status)


class TestStatuses:
    def test_say_how_an_order_stands(self) -> None:
        service = scene.relayed(rate="0.27819")
        order = scene.standing(
            scene.placed(service), Status.IN_PROGRESS, start_count=3572, remains=157
        )

        assert told(order) == {
            "charge": "0.27819",
            "start_count": "3572",
            "status": "In progress",
            "remains": "157",
            "currency": "USD",
        }

    def test_say_nothing_was_counted_before_it_began(self) -> None:
        assert told(scene.order()) == {
            "charge": "1",
            "start_count": "0",
            "status": "Pending",
            "remains": "1000",
            "currency": "USD",
        }

    def test_charge_what_was_not_given_back(self) -> None:
        order = scene.order(Status.IN_PROGRESS)
        refund.end(order, to=Status.PARTIAL, now=NOW, reason="upstream", remains=157)

        assert told(order) == {
            "charge": "0.843",
            "start_count": "0",
            "status": "Partial",
            "remains": "157",
            "currency": "USD",
        }

    def test_leave_out_what_is_a_strangers_or_nobodys(self) -> None:
        order = scene.order()
        bob = cast.bob().user

        assert lookup.statuses(user_id=bob.pk, order_ids=[order.pk, 10**9]) == {}

    def test_take_four_queries_for_a_hundred(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        orders = [scene.drip_feed(runs=2) for _ in range(32)]
        orders += [subscription(Status.IN_PROGRESS) for _ in range(2)]
        schedules.run_due(now=NOW)
        plain = list(Order.objects.filter(parent__in=orders))
        service = scene.relayed()
        orders += [*plain, *(scene.placed(service) for _ in range(100 - len(orders + plain)))]
        user_id, ids = orders[0].user_id, [order.pk for order in orders]

        with django_assert_max_num_queries(4):
            found = lookup.statuses(user_id=user_id, order_ids=ids)

        assert len(found) == 100

    def test_take_one_query_for_what_has_no_parts(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        service = scene.relayed(type=OrderType.PACKAGE)
        orders = [scene.placed(service) for _ in range(5)]
        orders += [scene.standing(scene.placed(service), Status.IN_PROGRESS) for _ in range(5)]

        with django_assert_num_queries(1):
            lookup.statuses(user_id=orders[0].user_id, order_ids=[order.pk for order in orders])

    def test_ask_once_more_about_what_staff_deliver(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        service = cast.service()
        orders = [scene.standing(scene.placed(service), Status.IN_PROGRESS) for _ in range(5)]

        with django_assert_num_queries(2):
            found = lookup.statuses(
                user_id=orders[0].user_id, order_ids=[order.pk for order in orders]
            )

        assert [reply["status"] for reply in found.values()] == ["In progress"] * 5


class TestDripFeed:
    def test_says_its_runs_and_their_orders(self) -> None:
        parent = scene.drip_feed(runs=3, interval=30)
        first, second = scene.make_runs(parent, 2)
        scene.standing(first, Status.COMPLETED, remains=0, start_count=3572)
        scene.standing(second, Status.IN_PROGRESS, remains=400)

        assert told(parent) == {
            "charge": "3",
            "start_count": "3572",
            "status": "In progress",
            "remains": "1400",
            "currency": "USD",
            "runs": "3",
            "orders": [str(first.pk), str(second.pk)],
        }

    def test_has_no_orders_before_its_first_run(self) -> None:
        assert told(scene.drip_feed(runs=2)) == {
            "charge": "2",
            "start_count": "0",
            "status": "In progress",
            "remains": "2000",
            "currency": "USD",
            "runs": "2",
            "orders": [],
        }

    def test_charges_what_its_runs_did_not_give_back(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.run_due(now=NOW)
        run = scene.standing(Order.objects.get(parent=parent), Status.IN_PROGRESS)
        refund.end(run, to=Status.PARTIAL, now=NOW, reason="upstream", remains=250)

        reply = lookup.statuses(user_id=parent.user_id, order_ids=[parent.pk, run.pk])

        assert reply[parent.pk]["charge"] == "1.75"
        assert reply[run.pk] == {
            "charge": "0.75",
            "start_count": "0",
            "status": "Partial",
            "remains": "250",
            "currency": "USD",
        }

    def test_of_web_traffic_says_the_same(self) -> None:
        service = scene.relayed(type=OrderType.WEB_TRAFFIC, dripfeed=True)
        traffic = {"country": "VN", "device": "1", "type_of_traffic": "3"}
        parent = scene.placed(service, runs="2", interval="5", **traffic)

        reply = lookup.statuses(user_id=parent.user_id, order_ids=[parent.pk])[parent.pk]

        assert reply == {
            "charge": "2",
            "start_count": "0",
            "status": "In progress",
            "remains": "2000",
            "currency": "USD",
            "runs": "2",
            "orders": [],
        }


class TestSubscription:
    def test_says_what_it_served_and_what_that_cost(self) -> None:
        parent = subscription(Status.IN_PROGRESS, expiry="31/12/2026")
        [post] = Order.objects.filter(parent=parent)

        assert told(parent) == {
            "status": "Active",
            "expiry": "31/12/2026",
            "posts": "1",
            "orders": [str(post.pk)],
            "charge": "0.5",
            "currency": "USD",
        }
        assert told(post) == {
            "charge": "0.5",
            "start_count": "0",
            "status": "Pending",
            "remains": "200",
            "currency": "USD",
        }

    def test_served_nothing_yet(self) -> None:
        service = scene.relayed(type=OrderType.SUBSCRIPTIONS)

        assert told(scene.placed(service, **POSTS)) == {
            "status": "Active",
            "expiry": None,
            "posts": "0",
            "orders": [],
            "charge": "0",
            "currency": "USD",
        }

    def test_does_not_count_what_came_back(self) -> None:
        parent = subscription(Status.IN_PROGRESS)
        [post] = Order.objects.filter(parent=parent)
        refund.end(post, to=Status.PARTIAL, now=NOW, reason="upstream", remains=100)

        reply = lookup.statuses(user_id=parent.user_id, order_ids=[parent.pk])[parent.pk]

        assert reply["charge"] == money.text(money.parse("0.25"))

    @pytest.mark.parametrize(
        ("status", "fields", "word"),
        [
            (Status.QUEUED, {"posts": "1"}, "Active"),
            (Status.IN_PROGRESS, {"posts": "1"}, "Active"),
            (Status.COMPLETED, {"posts": "1"}, "Completed"),
            (Status.COMPLETED, {"posts": "2"}, "Expired"),
            (Status.COMPLETED, {}, "Expired"),
            (Status.PARTIAL, {"posts": "2"}, "Expired"),
            (Status.CANCELED, {"posts": "1"}, "Canceled"),
        ],
    )
    def test_says_its_own_words(self, status: Status, fields: dict[str, str], word: str) -> None:
        parent = subscription(status, **fields)

        assert word_of(parent) == word

    @pytest.mark.parametrize("paused_for", [PausedFor.NO_FUNDS, PausedFor.UPSTREAM])
    def test_says_that_it_is_paused_until_it_ends(self, paused_for: PausedFor) -> None:
        parent = subscription(Status.IN_PROGRESS)
        waiting = int(paused_for == PausedFor.NO_FUNDS)
        Subscription.objects.update(paused_for=paused_for, posts_waiting=waiting)

        words = [word_of(parent), word_of(scene.standing(parent, Status.CANCELED))]

        assert words == ["Paused", "Canceled"]

    @pytest.mark.parametrize(
        ("word", "posts"),
        [
            (SubscriptionWord.COMPLETED, ""),
            (SubscriptionWord.COMPLETED, "2"),
            (SubscriptionWord.EXPIRED, "1"),
        ],
    )
    def test_ends_in_the_words_of_its_provider(self, word: SubscriptionWord, posts: str) -> None:
        parent = subscription(Status.COMPLETED, **({"posts": posts} if posts else {}))
        Subscription.objects.update(word=word)

        assert word_of(parent) == word


class TestIdsByRef:
    def test_are_the_users_own(self) -> None:
        order = scene.order(client_ref="mine")
        scene.order()
        bob = cast.bob().user

        assert lookup.ids_by_ref(user_id=order.user_id, client_refs=["mine", "other"]) == {
            "mine": order.pk
        }
        assert lookup.ids_by_ref(user_id=bob.pk, client_refs=["mine"]) == {}
