from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.contract import OrderType, OrderWord, SubscriptionWord
from relaypanel.orders import poll, schedules
from relaypanel.orders.models import FINAL, CancelState, Order, OrderEvent, Status
from relaypanel.orders.oddities import LASTING, Oddities
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus
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
    return told({order: answer})


def told(
    answers: Mapping[Order, UpstreamStatus | Rejected], oddities: Oddities | None = None
) -> int:
    """Let upstream answer for several orders an hour later; return how many changed."""
    return poll.settle(
        orders=list(answers),
        told={order.upstream_id or "": answer for order, answer in answers.items()},
        oddities=oddities or Oddities(),
        now=later(hours=1),
    )


def running(status: Status = Status.IN_PROGRESS, **columns: Any) -> Order:
    return scene.order(status, **columns)


def subscription(**columns: Any) -> Order:
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
    return scene.standing(scene.placed(service, **FIELDS), Status.PENDING, **columns)


class TestSettle:
    def test_writes_progress(self) -> None:
        order = running()

        assert settle(order, says(start_count=3572, remains=157, cost_e8=27_819_000)) == 1

        stored = scene.again(order)
        assert (stored.start_count, stored.remains, stored.cost_e8) == (3572, 157, 27_819_000)
        assert (stored.status, stored.ended_at) == (Status.IN_PROGRESS, None)
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
            assert settle(stored, answer) == 0

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
            assert poll.settle(orders=[order], told=told, oddities=Oddities(), now=NOW) == 0

        assert rows == []
        assert scene.again(other).status == Status.IN_PROGRESS

    def test_leaves_alone_what_upstream_does_not_know(self) -> None:
        order = running()

        with scene.written() as rows:
            assert settle(order, Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect ID")) == 0

        assert rows == []

    @pytest.mark.parametrize("word", [OrderWord.CANCELED, OrderWord.PARTIAL])
    def test_takes_the_account_before_the_order_that_moves_money(self, word: OrderWord) -> None:
        order = running()

        with scene.touched() as touched:
            settle(order, says(word, remains=5))

        assert touched[:2] == ["account", "order"]

    @pytest.mark.parametrize(
        "word", [OrderWord.IN_PROGRESS, OrderWord.PENDING, OrderWord.COMPLETED]
    )
    def test_takes_no_account_where_none_moves(self, word: OrderWord) -> None:
        order = running()

        with scene.touched() as touched:
            settle(order, says(word, remains=5))

        assert "account" not in touched


class TestTogether:
    def test_costs_as_many_statements_for_many_orders_as_for_two(self) -> None:
        statements = []

        for size in (2, 20):
            orders = [running(Status.PENDING) for _ in range(size)]
            with CaptureQueriesContext(connection) as queries:
                assert told({order: says(start_count=order.pk) for order in orders}) == size
            statements.append(len(queries))
            for order in orders:
                stored = scene.again(order)
                assert (stored.status, stored.start_count) == (Status.IN_PROGRESS, order.pk)
                assert scene.reasons(order) == ["upstream"]

        assert statements[0] == statements[1]

    def test_takes_each_where_it_belongs(self) -> None:
        progress, forth, back, done = (
            running(),
            running(Status.PENDING),
            running(Status.IN_PROGRESS),
            running(Status.PROCESSING),
        )
        partial, canceled = running(), running()

        changed = told(
            {
                progress: says(remains=900, cost_e8=7),
                forth: says(start_count=5, remains=800),
                back: says(OrderWord.PENDING),
                done: says(OrderWord.COMPLETED, remains=0),
                partial: says(OrderWord.PARTIAL, remains=100),
                canceled: says(OrderWord.CANCELED, cost_e8=0),
            }
        )

        assert changed == 6
        seen = Order.objects.order_by("pk").values_list(
            "status", "start_count", "remains", "cost_e8"
        )
        assert list(seen) == [
            (Status.IN_PROGRESS, None, 900, 7),
            (Status.IN_PROGRESS, 5, 800, None),
            (Status.PENDING, None, 1000, None),
            (Status.COMPLETED, None, 0, None),
            (Status.PARTIAL, None, 100, None),
            (Status.CANCELED, None, 1000, 0),
        ]
        assert scene.balance() == "995.1"
        assert scene.books_agree()

    def test_closes_what_was_asked_and_wakes_who_waits(self) -> None:
        done, other = running(), running()
        requests = [scene.asked(order, state=CancelState.FORWARDED) for order in (done, other)]
        waiting = scene.standing(
            scene.order(),
            Status.QUEUED,
            upstream_service=done.upstream_service,
            waits_for_link=True,
            due_at=later(hours=2),
        )

        told({done: says(OrderWord.COMPLETED), other: says(OrderWord.COMPLETED)})

        for request in requests:
            request.refresh_from_db()
            assert request.state == CancelState.REFUSED
        assert scene.again(waiting).due_at == later(hours=1)


class TestLostRace:
    @pytest.mark.parametrize(
        "answer", [says(remains=5), says(OrderWord.PENDING), says(OrderWord.CANCELED)]
    )
    def test_changes_nothing_and_harms_no_other(
        self, answer: UpstreamStatus, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost, other = running(), running()
        scene.standing(lost, Status.COMPLETED)
        told = {f"{lost.upstream_id}": answer, f"{other.upstream_id}": says(remains=5)}

        assert poll.settle(orders=[lost, other], told=told, oddities=Oddities(), now=NOW) == 1

        assert (scene.again(lost).status, scene.again(lost).remains) == (Status.COMPLETED, 1000)
        assert scene.again(other).remains == 5
        assert scene.balance() == "998"
        assert scene.reasons(lost) == []
        # It is nobody's mistake.
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []

    @pytest.mark.django_db(transaction=True)
    def test_pays_back_once_when_two_look_at_once(self) -> None:
        orders = [running() for _ in range(5)]
        told = {f"{order.upstream_id}": says(OrderWord.PARTIAL, remains=500) for order in orders}

        changed = scene.at_once(
            4,
            lambda _: poll.settle(
                orders=copy.deepcopy(orders), told=told, oddities=Oddities(), now=NOW
            ),
        )

        assert sum(changed) == 5
        assert scene.balance() == "997.5"
        assert scene.books_agree()


class TestFailure:
    @pytest.mark.parametrize("word", [OrderWord.CANCELED, OrderWord.IN_PROGRESS])
    def test_of_one_order_harms_no_other(
        self, word: OrderWord, caplog: pytest.LogCaptureFixture
    ) -> None:
        poisoned, *others = [running() for _ in range(3)]
        # More than a column holds, which the client would never tell.
        answers = {poisoned: says(word, start_count=10**30)}

        changed = told(answers | dict.fromkeys(others, says(remains=5)))

        assert changed == 2
        assert [record.levelname for record in caplog.records if record.levelno > 20] == ["ERROR"]
        assert scene.again(poisoned).status == Status.IN_PROGRESS
        assert [scene.again(other).remains for other in others] == [5, 5]
        assert scene.balance() == "997"
        assert scene.books_agree()

    @pytest.mark.parametrize("orders", [1, 2])
    @pytest.mark.parametrize("word", [OrderWord.CANCELED, OrderWord.IN_PROGRESS])
    def test_of_the_database_is_not_the_orders(self, word: OrderWord, orders: int) -> None:
        answers = {running(): says(word, remains=5) for _ in range(orders)}

        def gone(*_: Any) -> Any:
            raise OperationalError("server closed the connection")

        with connection.execute_wrapper(gone), pytest.raises(OperationalError):
            told(answers)


class TestAfterTheEnd:
    @pytest.mark.parametrize(
        ("word", "to", "balance"),
        [
            (OrderWord.PARTIAL, Status.PARTIAL, "999.157"),
            (OrderWord.CANCELED, Status.CANCELED, "1000"),
        ],
    )
    def test_pays_back_once_what_is_taken_back(
        self, word: OrderWord, to: Status, balance: str
    ) -> None:
        order = running(Status.COMPLETED, remains=0)

        changed = [settle(scene.again(order), says(word, remains=157)) for _ in range(3)]

        stored = scene.again(order)
        assert changed == [1, 0, 0]
        assert (stored.status, stored.ended_at) == (to, NOW)
        assert scene.balance() == balance
        assert scene.books_agree()

    def test_pays_back_once_when_two_polls_saw_it_completed(self) -> None:
        order = running(Status.COMPLETED, remains=0)
        stale = scene.again(order)
        settle(order, says(OrderWord.PARTIAL, remains=157))

        assert settle(stale, says(OrderWord.CANCELED)) == 0

        assert scene.balance() == "999.157"
        assert scene.books_agree()

    @pytest.mark.parametrize("status", FINAL)
    @pytest.mark.parametrize("word", [OrderWord.PENDING, OrderWord.IN_PROGRESS, None])
    def test_never_runs_again(self, status: Status, word: OrderWord | None) -> None:
        order = running(status)

        assert settle(order, says(word, start_count=5, remains=7)) == 0

        assert scene.again(order).status == status
        assert scene.again(order).start_count is None

    @pytest.mark.parametrize("answer", [says(OrderWord.COMPLETED, remains=7), None])
    def test_costs_nothing_while_it_stays(
        self, answer: UpstreamStatus | None, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        order = running(Status.COMPLETED)
        gone = Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")

        with django_assert_num_queries(0):
            assert settle(order, answer or gone) == 0

    def test_makes_a_drip_feed_follow(self) -> None:
        parent = scene.drip_feed(runs=1)
        [run] = scene.make_runs(parent, 1)
        run = scene.standing(run, Status.IN_PROGRESS)
        settle(run, says(OrderWord.COMPLETED, remains=0))
        schedules.look(now=later(hours=1))
        assert scene.again(parent).status == Status.COMPLETED

        settle(scene.again(run), says(OrderWord.CANCELED))

        assert scene.again(parent).status == Status.CANCELED
        assert scene.balance() == "1000"
        assert scene.books_agree()

    @pytest.mark.parametrize("status", [Status.PARTIAL, Status.CANCELED])
    def test_is_told_to_staff_once_where_the_provider_goes_on(self, status: Status) -> None:
        order = running(status)

        for _ in range(3):
            assert settle(order, says(OrderWord.COMPLETED)) == 0

        event = OrderEvent.objects.get(order=order, reason=poll.CONTRADICTED)
        assert (event.from_status, event.to_status, event.detail) == ("", "", "Completed")
        assert (scene.again(order).status, scene.balance()) == (status, "999")

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (Status.CANCELED, says(OrderWord.CANCELED)),
            (Status.PARTIAL, says(OrderWord.PARTIAL, remains=5)),
            (Status.CANCELED, says(None)),
            (Status.CANCELED, Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")),
            (Status.COMPLETED, says(OrderWord.IN_PROGRESS)),
        ],
    )
    def test_is_no_news_where_nobody_loses(
        self, status: Status, answer: UpstreamStatus | Rejected
    ) -> None:
        order = running(status)

        settle(order, answer)

        assert scene.reasons(order) == []


class TestOddity:
    @pytest.mark.parametrize(
        ("answer", "reason", "detail"),
        [
            (None, "no_answer", ""),
            (Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect ID"), "vanished", "Incorrect ID"),
            (Rejected(fault=Fault.OTHER, words="Ask later"), "status_refused", "Ask later"),
            (replace(says(None), said="Awaiting"), "unknown_word", "Awaiting"),
            (says(OrderWord.PARTIAL), "no_remains", "Partial"),
        ],
    )
    def test_is_told_to_staff_once_when_it_lasts(
        self, answer: UpstreamStatus | Rejected | None, reason: str, detail: str
    ) -> None:
        order, oddities = running(), Oddities()
        answers = {order.upstream_id or "": answer} if answer else {}

        with scene.written() as rows:
            for _ in range(3 * LASTING):
                poll.settle(orders=[order], told=answers, oddities=oddities, now=NOW)

        event = OrderEvent.objects.exclude(reason="placed").get(order=order)
        assert (event.reason, event.detail, event.to_status) == (reason, detail, "")
        assert len(rows) == 1
        assert scene.again(order).status == Status.IN_PROGRESS

    def test_is_told_once_by_two_workers(self) -> None:
        order = running()

        for oddities in (Oddities(), Oddities()):
            for _ in range(LASTING):
                poll.settle(orders=[order], told={}, oddities=oddities, now=NOW)

        assert scene.reasons(order) == ["no_answer"]

    def test_is_over_with_a_plain_answer(self) -> None:
        order, oddities = running(), Oddities()

        for answer in [says(None)] * (LASTING - 1) + [says()] + [says(None)] * (LASTING - 1):
            told({order: answer}, oddities)

        assert scene.reasons(order) == []

    def test_is_over_with_the_order(self) -> None:
        order, oddities = running(), Oddities()
        for _ in range(LASTING):
            told({order: says(None)}, oddities)

        told({scene.standing(order, Status.COMPLETED): says(None)}, oddities)

        assert not oddities.lasting()

    def test_is_none_for_a_subscription_that_speaks_its_own_words(self) -> None:
        parent, oddities = subscription(), Oddities()

        for _ in range(LASTING):
            told({parent: says(None, subscription=SubscriptionWord.ACTIVE)}, oddities)
            told({scene.again(parent): says(OrderWord.PARTIAL)}, oddities)

        assert not oddities.lasting()


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
        settle(plain, says(OrderWord.PROCESSING, children=("503",)))

        assert Order.objects.filter(parent__isnull=False).count() == 1
        assert scene.again(post).status == Status.IN_PROGRESS
        assert scene.again(plain).status == Status.PROCESSING

    def test_pays_a_post_back_in_part(self) -> None:
        parent = subscription()
        settle(parent, says(None, children=("501",)))
        post = Order.objects.get(parent=parent)

        settle(post, says(OrderWord.PARTIAL, remains=50))

        assert scene.balance() == "999.25"
        assert scene.books_agree()
