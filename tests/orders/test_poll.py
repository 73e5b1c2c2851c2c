from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import OperationalError, connection
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.contract import OrderType, OrderWord, SubscriptionWord
from relaypanel.orders import poll
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

ACTIVE = [Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS]
FIELDS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}


def says(
    word: OrderWord | None = OrderWord.IN_PROGRESS,
    *,
    start_count: int | None = None,
    remains: int | None = None,
    cost_e8: int | None = None,
    children: tuple[str, ...] = (),
    subscription: SubscriptionWord | None = None,
) -> UpstreamStatus:
    return UpstreamStatus(
        word=word,
        start_count=start_count,
        remains=remains,
        cost_e8=cost_e8,
        children=children,
        subscription=subscription,
    )


def settle(order: Order, answer: UpstreamStatus | Rejected) -> int:
    """Let upstream answer for one order an hour later; return how many changed."""
    assert order.upstream_id
    return poll.settle(orders=[order], told={order.upstream_id: answer}, now=later(hours=1))


def running(status: Status = Status.IN_PROGRESS, **columns: Any) -> Order:
    return scene.order(status, **columns)


def subscription(**columns: Any) -> Order:
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
    return scene.standing(scene.placed(service, **FIELDS), Status.PENDING, **columns)


class TestDue:
    @pytest.mark.parametrize("status", ACTIVE)
    def test_is_what_a_provider_works_on(self, status: Status) -> None:
        order = running(status)

        sweep = poll.due(provider_id=scene.upstream().pk, after=0, limit=100)

        assert (sweep.orders, sweep.cursor) == ([order], 0)

    @pytest.mark.parametrize("status", sorted(set(Status) - set(ACTIVE)))
    def test_is_nothing_else(self, status: Status) -> None:
        running(status)

        assert poll.due(provider_id=scene.upstream().pk, after=0, limit=100).orders == []

    def test_is_not_another_providers(self) -> None:
        running()
        elsewhere = cast.provider(name="elsewhere")

        assert poll.due(provider_id=elsewhere.pk, after=0, limit=100).orders == []

    def test_goes_on_where_the_last_look_stopped(self) -> None:
        orders = [running() for _ in range(5)]
        provider_id, seen, cursor = scene.upstream().pk, [], 0

        for _ in range(3):
            sweep = poll.due(provider_id=provider_id, after=cursor, limit=2)
            seen.append([order.pk for order in sweep.orders])
            cursor = sweep.cursor

        pks = [order.pk for order in orders]
        assert seen == [pks[:2], pks[2:4], pks[4:]]
        assert cursor == 0

    def test_starts_anew_after_a_look_that_ended_full(self) -> None:
        first, second = running(), running()
        provider_id = scene.upstream().pk

        full = poll.due(provider_id=provider_id, after=0, limit=2)
        rest = poll.due(provider_id=provider_id, after=full.cursor, limit=2)

        assert (full.orders, full.cursor) == ([first, second], second.pk)
        assert (rest.orders, rest.cursor) == ([], 0)


class TestSettle:
    def test_writes_progress(self) -> None:
        order = running()

        assert settle(order, says(start_count=3572, remains=157, cost_e8=27_819_000)) == 1

        stored = scene.again(order)
        assert (stored.start_count, stored.remains, stored.cost_e8) == (3572, 157, 27_819_000)
        assert (stored.status, stored.ended_at) == (Status.IN_PROGRESS, None)
        assert (order.start_count, order.remains) == (3572, 157)
        # The timeline keeps changes of status alone.
        assert scene.reasons(order) == []

    def test_costs_nothing_for_an_order_that_did_not_change(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        order = running(start_count=3572, remains=157, cost_e8=5)
        again = says(start_count=3572, remains=157, cost_e8=5)

        with django_assert_num_queries(0):
            changed = settle(order, again) + settle(order, says())

        assert changed == 0

    def test_costs_nothing_the_second_time(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        order, answer = running(Status.PENDING), says(start_count=3572, remains=2_000_000)
        settle(order, answer)
        stored = scene.again(order)

        with django_assert_num_queries(0):
            changed = settle(order, answer) + settle(stored, answer)

        assert changed == 0

    def test_writes_one_row_for_progress(self) -> None:
        order = running()

        with scene.written() as rows:
            settle(order, says(start_count=3572, remains=157))

        assert rows == [1]

    @pytest.mark.parametrize(
        ("origin", "word", "to"),
        [
            (origin, word, to)
            for origin in ACTIVE
            for word, to in (
                (OrderWord.PENDING, Status.PENDING),
                (OrderWord.PROCESSING, Status.PROCESSING),
                (OrderWord.IN_PROGRESS, Status.IN_PROGRESS),
            )
            if origin != to
        ],
    )
    def test_follows_upstream_forth_and_back(
        self, origin: Status, word: OrderWord, to: Status
    ) -> None:
        order = running(origin)

        assert settle(order, says(word, start_count=7)) == 1

        stored = scene.again(order)
        assert (stored.status, stored.start_count) == (to, 7)
        event = OrderEvent.objects.get(order=order, reason="upstream")
        assert (event.from_status, event.to_status, event.at) == (origin, to, later(hours=1))

    @pytest.mark.parametrize("origin", ACTIVE)
    def test_ends_a_completed_order_and_keeps_the_money(self, origin: Status) -> None:
        order = running(origin)

        settle(order, says(OrderWord.COMPLETED, start_count=7, remains=0))

        stored = scene.again(order)
        assert (stored.status, stored.remains, stored.start_count) == (Status.COMPLETED, 0, 7)
        assert (stored.ended_at, scene.balance()) == (later(hours=1), "999")

    def test_keeps_what_remains_of_a_completed_order_without_paying_it_back(self) -> None:
        order = running()

        settle(order, says(OrderWord.COMPLETED, remains=30))

        assert (scene.again(order).remains, scene.balance()) == (30, "999")
        assert scene.books_agree()

    def test_pays_the_undelivered_part_back(self) -> None:
        order = running(remains=500)

        settle(order, says(OrderWord.PARTIAL, remains=157))

        stored = scene.again(order)
        assert (stored.status, stored.remains) == (Status.PARTIAL, 157)
        assert (money.text(stored.refunded_e8), scene.balance()) == ("0.157", "999.157")
        assert scene.books_agree()

    def test_pays_back_what_it_knew_to_remain(self) -> None:
        order = running(remains=157)

        settle(order, says(OrderWord.PARTIAL, remains=157))

        assert (scene.again(order).remains, scene.balance()) == (157, "999.157")

    @pytest.mark.parametrize("remains", [None, 0, 157])
    def test_pays_everything_back_for_a_canceled_order(self, remains: int | None) -> None:
        order = running(remains=500)

        settle(order, says(OrderWord.CANCELED, remains=remains))

        assert (scene.again(order).status, scene.balance()) == (Status.CANCELED, "1000")
        assert scene.books_agree()

    @pytest.mark.parametrize(
        ("told", "kept"), [(-1, 0), (-(10**30), 0), (1001, 1000), (10**30, 1000)]
    )
    def test_believes_no_remains_that_cannot_be(self, told: int, kept: int) -> None:
        order, partial = running(remains=500), running(remains=500)

        settle(order, says(remains=told))
        settle(partial, says(OrderWord.PARTIAL, remains=told))

        assert scene.again(order).remains == scene.again(partial).remains == kept
        assert scene.again(partial).refunded_e8 == kept * money.ONE_E8 // 1000

    @pytest.mark.parametrize("origin", ACTIVE)
    def test_takes_an_unknown_word_for_no_end(self, origin: Status) -> None:
        order = running(origin)

        assert settle(order, says(None, remains=5)) == 1

        assert (scene.again(order).status, scene.again(order).remains) == (origin, 5)
        assert scene.reasons(order) == []

    def test_changes_nothing_for_a_partial_without_remains(self) -> None:
        order = running(remains=500)

        with scene.written() as rows:
            assert settle(order, says(OrderWord.PARTIAL)) == 0

        assert rows == []
        assert (scene.again(order).status, scene.balance()) == (Status.IN_PROGRESS, "999")

    def test_touches_only_what_it_asked_about(self) -> None:
        order, other = running(), running()
        told = {f"{other.upstream_id}": says(OrderWord.CANCELED), "777": says(OrderWord.CANCELED)}

        with scene.written() as rows:
            assert poll.settle(orders=[order], told=told, now=NOW) == 0

        assert rows == []
        assert scene.again(other).status == Status.IN_PROGRESS

    def test_leaves_alone_what_upstream_does_not_know(self) -> None:
        order = running()

        with scene.written() as rows:
            assert settle(order, Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect ID")) == 0

        assert rows == []

    def test_takes_the_account_before_the_order(self) -> None:
        for answer in (says(remains=5), says(OrderWord.PENDING), says(OrderWord.CANCELED)):
            order = running()

            with scene.touched() as touched:
                settle(order, answer)

            assert touched[:2] == ["account", "order"]


class TestLostRace:
    @pytest.mark.parametrize(
        "answer", [says(remains=5), says(OrderWord.PENDING), says(OrderWord.CANCELED)]
    )
    def test_changes_nothing_and_harms_no_other(self, answer: UpstreamStatus) -> None:
        lost, other = running(), running()
        scene.standing(lost, Status.COMPLETED)
        told = {f"{lost.upstream_id}": answer, f"{other.upstream_id}": says(remains=5)}

        assert poll.settle(orders=[lost, other], told=told, now=NOW) == 1

        assert (scene.again(lost).status, scene.again(lost).remains) == (Status.COMPLETED, 1000)
        assert scene.again(other).remains == 5
        assert scene.balance() == "998"
        assert scene.reasons(lost) == []

    @pytest.mark.django_db(transaction=True)
    def test_pays_back_once_when_two_look_at_once(self) -> None:
        orders = [running() for _ in range(5)]
        told = {f"{order.upstream_id}": says(OrderWord.PARTIAL, remains=500) for order in orders}

        changed = scene.at_once(
            4, lambda _: poll.settle(orders=copy.deepcopy(orders), told=told, now=NOW)
        )

        assert sum(changed) == 5
        assert scene.balance() == "997.5"
        assert scene.books_agree()


class TestFailure:
    def test_of_one_order_harms_no_other(self) -> None:
        poisoned, other = running(), running()
        told = {
            f"{poisoned.upstream_id}": says(OrderWord.CANCELED, start_count=10**30),
            f"{other.upstream_id}": says(remains=5),
        }

        assert poll.settle(orders=[poisoned, other], told=told, now=NOW) == 1

        assert scene.again(poisoned).status == Status.IN_PROGRESS
        assert scene.again(other).remains == 5
        assert scene.balance() == "998"
        assert scene.books_agree()

    def test_of_the_database_is_not_the_orders(self) -> None:
        order = running()

        def gone(*_: Any) -> Any:
            raise OperationalError("server closed the connection")

        with connection.execute_wrapper(gone), pytest.raises(OperationalError):
            settle(order, says(remains=5))


class TestSubscription:
    @pytest.mark.parametrize(
        ("word", "to"),
        [
            (SubscriptionWord.ACTIVE, Status.IN_PROGRESS),
            (SubscriptionWord.PAUSED, Status.IN_PROGRESS),
            (SubscriptionWord.COMPLETED, Status.COMPLETED),
            (SubscriptionWord.EXPIRED, Status.COMPLETED),
            (SubscriptionWord.CANCELED, Status.CANCELED),
        ],
    )
    def test_says_its_own_words(self, word: SubscriptionWord, to: Status) -> None:
        parent = subscription()

        assert settle(parent, says(None, subscription=word)) == 1

        assert scene.again(parent).status == to
        assert scene.balance() == "1000"

    def test_charges_each_post_once(self) -> None:
        parent = subscription()
        answer = says(None, subscription=SubscriptionWord.ACTIVE, children=("501", "502"))

        changed = [settle(scene.again(parent), answer) for _ in range(3)]

        assert changed == [1, 0, 0]
        assert Order.objects.filter(parent=parent).count() == 2
        assert scene.balance() == "998"
        assert scene.books_agree()

    def test_counts_new_posts_as_a_change(self) -> None:
        parent = scene.standing(subscription(), Status.IN_PROGRESS)

        changed = settle(
            parent, says(None, subscription=SubscriptionWord.ACTIVE, children=("501",))
        )

        assert (changed, scene.reasons(parent)) == (1, [])

    def test_takes_no_children_from_an_order_that_has_none(self) -> None:
        parent = subscription()
        settle(parent, says(None, children=("501",)))
        post = Order.objects.get(parent=parent)
        plain = running()

        settle(post, says(OrderWord.IN_PROGRESS, children=("502",)))
        settle(plain, says(OrderWord.IN_PROGRESS, children=("503",)))

        assert Order.objects.filter(parent__isnull=False).count() == 1
        assert scene.again(post).status == Status.IN_PROGRESS

    def test_pays_a_post_back_in_part(self) -> None:
        parent = subscription()
        settle(parent, says(None, children=("501",)))
        post = Order.objects.get(parent=parent)

        settle(post, says(OrderWord.PARTIAL, remains=50))

        assert scene.balance() == "999.25"
        assert scene.books_agree()
