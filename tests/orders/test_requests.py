from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType, RefillWord
from relaypanel.errors import Refused
from relaypanel.orders import forward, refund, requests, schedules, states
from relaypanel.orders.models import (
    CancelRequest,
    CancelState,
    DripFeed,
    FeedState,
    Order,
    OrderEvent,
    Refill,
    RefillState,
    Status,
)
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db


def cancel(order: Order, *, hours: float = 0) -> str | None:
    """Ask as the order's owner; return the refusal's code, or None when it was taken."""
    answers = requests.ask_cancel(
        user_id=order.user_id, order_ids=[order.pk], now=later(hours=hours)
    )
    return _code(answers[order.pk])


def refill(order: Order, *, hours: float = 24, microseconds: int = 0) -> str | None:
    """Ask so long after the order's end; return the refusal's code, or None when taken."""
    now = later(hours=hours, microseconds=microseconds)
    answers = requests.ask_refill(user_id=order.user_id, order_ids=[order.pk], now=now)
    return _code(answers[order.pk])


def _code(answer: Refused | int | None) -> str | None:
    return answer.code if isinstance(answer, Refused) else None


def completed(*, refill_days: int | None = 30, **settings: Any) -> Order:
    service = scene.relayed(refill_days=refill_days, **settings)
    return scene.standing(scene.placed(service), Status.COMPLETED)


def end(open_refill: Refill, state: RefillState) -> None:
    Refill.objects.filter(pk=open_refill.pk).update(state=state, ended_at=NOW)


class TestAskCancel:
    @pytest.mark.parametrize("status", [Status.QUEUED, Status.HELD])
    def test_ends_at_once_what_no_provider_has_heard_of(self, status: Status) -> None:
        order = scene.order(status)

        assert cancel(order, hours=1) is None

        stored = scene.again(order)
        assert (stored.status, stored.ended_at) == (Status.CANCELED, later(hours=1))
        assert scene.balance() == "1000"
        assert scene.reasons(order) == ["canceled_before_sending"]
        assert not CancelRequest.objects.exists()
        assert scene.books_agree()

    @pytest.mark.parametrize(
        "status",
        [
            Status.SENDING,
            Status.UNCONFIRMED,
            Status.PENDING,
            Status.PROCESSING,
            Status.IN_PROGRESS,
        ],
    )
    def test_is_recorded_where_a_provider_may_have_it(self, status: Status) -> None:
        order = scene.order(status)

        assert cancel(order, hours=1) is None

        request = CancelRequest.objects.get(order=order)
        assert (request.state, request.asked_at, request.due_at) == (
            CancelState.ASKED,
            later(hours=1),
            later(hours=1),
        )
        assert (scene.again(order).status, scene.balance()) == (status, "999")

    def test_of_a_manual_order_waits_for_staff(self) -> None:
        order = scene.placed(cast.service(cancel=True))

        assert cancel(order) is None

        assert scene.again(order).status == Status.QUEUED
        assert CancelRequest.objects.get(order=order).state == CancelState.ASKED

    @pytest.mark.parametrize("state", CancelState)
    def test_asked_again_is_taken_and_asks_anew_only_what_was_refused(
        self, state: CancelState
    ) -> None:
        order = scene.order(Status.PENDING)
        scene.asked(order, state=state, attempts=7)

        assert cancel(order, hours=1) is None

        request = CancelRequest.objects.get(order=order)
        if state == CancelState.REFUSED:
            assert (request.state, request.asked_at) == (CancelState.ASKED, later(hours=1))
            assert (request.due_at, request.attempts) == (later(hours=1), 0)
        else:
            assert (request.state, request.asked_at, request.due_at) == (state, NOW, NOW)

    def test_asked_every_second_reaches_the_provider_once_a_minute(self) -> None:
        order = scene.order(Status.PENDING)
        scene.asked(order, state=CancelState.REFUSED)

        cancel(order, hours=1 / 3600)

        assert CancelRequest.objects.get(order=order).due_at == later(seconds=60)

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.HELD])
    def test_is_recorded_where_a_provider_may_have_heard_of_it(self, status: Status) -> None:
        order = scene.order(status, may_be_upstream=True)

        assert cancel(order) is None

        assert scene.again(order).status == status
        assert CancelRequest.objects.get(order=order).state == CancelState.ASKED

    def test_of_a_subscription_is_forwarded_like_any_other(self) -> None:
        service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
        fields = {"username": "miu", "min": "100", "max": "200", "delay": "0"}
        order = scene.standing(scene.placed(service, **fields), Status.IN_PROGRESS)

        assert cancel(order) is None

        assert forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)[0].order == order

    def test_refuses_a_service_that_cannot_cancel_before_anything_else(self) -> None:
        order = scene.placed(scene.relayed(cancel=False))
        ended = scene.standing(scene.placed(scene.relayed(cancel=False)), Status.COMPLETED)

        assert (cancel(order), cancel(ended)) == ("cancel_disabled", "cancel_disabled")

        assert scene.again(order).status == Status.QUEUED

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.PARTIAL, Status.CANCELED])
    def test_refuses_an_order_that_has_ended(self, status: Status) -> None:
        assert cancel(scene.order(status)) == "cancel_too_late"

        assert not CancelRequest.objects.exists()

    def test_answers_for_a_strangers_order_as_for_none(self) -> None:
        order = scene.order()
        bob = cast.bob().user

        answers = requests.ask_cancel(user_id=bob.pk, order_ids=[order.pk, 10**9], now=NOW)

        assert [_code(answer) for answer in answers.values()] == ["order_not_found"] * 2
        assert scene.again(order).status == Status.QUEUED

    def test_answers_each_order_in_the_order_asked(self) -> None:
        last, ended, first = scene.order(), scene.order(Status.COMPLETED), scene.order()
        asked = [first.pk, 10**9, ended.pk, last.pk, first.pk]

        answers = requests.ask_cancel(user_id=first.user_id, order_ids=asked, now=NOW)

        assert list(answers) == [first.pk, 10**9, ended.pk, last.pk]
        assert [_code(answer) for answer in answers.values()] == [
            None,
            "order_not_found",
            "cancel_too_late",
            None,
        ]
        assert scene.again(last).status == Status.CANCELED

    def test_takes_the_account_before_the_orders(self) -> None:
        order = scene.order()

        with scene.touched() as touched:
            cancel(order)

        assert touched[:2] == ["account", "order"]

    @pytest.mark.django_db(transaction=True)
    def test_refunds_once_when_many_ask_at_once(self) -> None:
        order = scene.order()

        answers = scene.at_once(8, lambda _: cancel(order))

        assert sorted(answers, key=str) == [None, *["cancel_too_late"] * 7]
        assert scene.balance() == "1000"
        assert scene.books_agree()

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_lets_others_write_to_the_timeline_meanwhile(self) -> None:
        """An answer from upstream may hold what the request needs next."""
        order = scene.order(Status.PENDING)

        with transaction.atomic():
            cancel(order)
            scene.elsewhere(lambda: states.record([order], now=NOW, reason="heard"))

        assert scene.reasons(order) == ["heard"]


class TestAskCancelOfADripFeed:
    def test_returns_the_runs_to_come_and_asks_for_those_under_way(self) -> None:
        parent = scene.drip_feed(runs=4)
        waiting, running, ended = scene.make_runs(parent, 3)
        running = scene.standing(running, Status.IN_PROGRESS)
        ended = scene.standing(ended, Status.COMPLETED)

        assert cancel(parent) is None

        assert DripFeed.objects.get(order=parent).state == FeedState.MADE
        assert scene.again(waiting).status == Status.CANCELED
        assert scene.again(running).status == Status.IN_PROGRESS
        assert scene.again(ended).status == Status.COMPLETED
        assert CancelRequest.objects.get().order == running
        assert scene.again(parent).status == Status.IN_PROGRESS
        # The run that was never made, and the one that was never sent.
        assert scene.balance() == "998"
        assert scene.books_agree()

    def test_asked_again_changes_nothing(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)
        cancel(parent)

        assert cancel(parent) is None

        assert scene.balance() == "1000"
        assert scene.books_agree()

    def test_ends_it_once_its_runs_have_ended(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)
        run = scene.standing(Order.objects.get(parent=parent), Status.IN_PROGRESS)
        cancel(parent)

        refund.end(run, to=Status.PARTIAL, now=NOW, reason="upstream", remains=400)
        schedules.close_ended(now=NOW)

        assert scene.again(parent).status == Status.PARTIAL
        assert cancel(parent) == "cancel_too_late"
        assert scene.balance() == "999.4"
        assert scene.books_agree()

    def test_takes_several_in_the_order_of_their_ids(self) -> None:
        first, second = scene.drip_feed(), scene.drip_feed()

        answers = requests.ask_cancel(
            user_id=first.user_id, order_ids=[second.pk, first.pk, second.pk], now=NOW
        )

        assert list(answers) == [second.pk, first.pk]
        assert OrderEvent.objects.latest("pk").order == second

    @pytest.mark.django_db(transaction=True)
    def test_and_its_next_run_in_the_same_moment_do_not_wait_for_each_other(self) -> None:
        parents = [scene.drip_feed(runs=2) for _ in range(12)]

        def act(number: int) -> None:
            if number:
                schedules.run_due(now=NOW)
            else:
                for parent in parents:
                    assert cancel(parent) is None

        scene.at_once(2, act)

        for run in Order.objects.filter(parent__in=parents).exclude(status=Status.CANCELED):
            assert cancel(run) is None
        assert scene.balance() == "1000"
        assert scene.books_agree()

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_does_not_keep_the_parent_from_a_run_that_is_being_made(self) -> None:
        """The schedule holds the timetable and writes a child; the cancel wants the timetable."""
        parent, other = scene.drip_feed(), scene.drip_feed()

        with transaction.atomic():
            cancel(parent)
            scene.elsewhere(lambda: Order.objects.filter(pk=other.pk).update(parent=parent, run=1))

        assert scene.again(other).parent_id == parent.pk


class TestAskRefill:
    def test_makes_a_refill_and_returns_its_id(self) -> None:
        order = completed()

        answers = requests.ask_refill(
            user_id=order.user_id, order_ids=[order.pk], now=later(hours=24)
        )

        made = Refill.objects.get(order=order)
        assert answers == {order.pk: made.pk}
        assert (made.state, made.asked_at, made.due_at) == (
            RefillState.PENDING,
            later(hours=24),
            later(hours=24),
        )

    def test_is_for_the_runs_of_a_drip_feed_and_not_for_the_whole(self) -> None:
        parent = scene.standing(scene.drip_feed(refill_days=30), Status.COMPLETED)
        [run] = scene.make_runs(parent, 1)

        assert refill(parent) == "refill_disabled"
        assert refill(scene.standing(run, Status.COMPLETED)) is None

    def test_refuses_what_is_sold_without_before_anything_else(self) -> None:
        order = completed(refill_days=None)
        Refill.objects.create(order=order, user_id=order.user_id, asked_at=NOW, due_at=NOW)

        assert refill(order) == "refill_disabled"

    @pytest.mark.parametrize("state", [RefillState.PENDING, RefillState.IN_PROGRESS])
    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.PARTIAL])
    def test_refuses_a_second_while_one_is_open(self, state: RefillState, status: Status) -> None:
        order = scene.standing(completed(), status)
        Refill.objects.create(
            order=order, user_id=order.user_id, asked_at=NOW, due_at=NOW, state=state
        )

        assert refill(order, hours=1) == "refill_running"

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMPLETED}))
    def test_refuses_an_order_that_is_not_completed(self, status: Status) -> None:
        order = scene.standing(scene.placed(scene.relayed(refill_days=30)), status)

        assert refill(order, hours=0) == "order_not_completed"

    @pytest.mark.parametrize("wait_hours", [0, 6, 24, 48])
    def test_refuses_one_that_comes_too_soon_after_the_end(self, wait_hours: int) -> None:
        order = completed(refill_after_hours=wait_hours)

        assert refill(order, hours=wait_hours, microseconds=-1) == "refill_too_soon"
        assert refill(order, hours=wait_hours) is None

    @pytest.mark.parametrize("state", [RefillState.COMPLETED, RefillState.REJECTED])
    def test_keeps_a_day_between_two(self, state: RefillState) -> None:
        order = completed(refill_after_hours=0)
        refill(order, hours=5)
        end(Refill.objects.get(), state)

        assert refill(order, hours=29, microseconds=-1) == "refill_too_soon"
        assert refill(order, hours=29) is None

        assert Refill.objects.filter(order=order).count() == 2

    def test_counts_the_day_from_the_latest(self) -> None:
        order = completed(refill_after_hours=0)
        for hours in (0, 24):
            assert refill(order, hours=hours) is None
            end(Refill.objects.latest("pk"), RefillState.COMPLETED)

        assert refill(order, hours=47) == "refill_too_soon"

    def test_refuses_when_the_days_are_over(self) -> None:
        order = completed(refill_days=30)

        assert refill(order, hours=30 * 24, microseconds=1) == "refill_days_over"
        assert refill(order, hours=30 * 24) is None

    def test_says_too_soon_before_it_says_too_late(self) -> None:
        order = completed(refill_days=1, refill_after_hours=48)

        assert refill(order, hours=47) == "refill_too_soon"
        assert refill(order, hours=48) == "refill_days_over"

    def test_answers_for_a_strangers_order_as_for_none(self) -> None:
        order = completed()
        bob = cast.bob().user

        answers = requests.ask_refill(
            user_id=bob.pk, order_ids=[order.pk, 10**9], now=later(hours=30)
        )

        assert [_code(answer) for answer in answers.values()] == ["order_not_found"] * 2
        assert not Refill.objects.exists()

    def test_counts_by_the_service_as_it_is_today(self) -> None:
        order = completed(refill_days=None)
        Service.objects.filter(pk=order.service_id).update(refill_days=5)

        assert refill(order) is None

    @pytest.mark.django_db(transaction=True)
    def test_makes_one_when_many_ask_at_once(self) -> None:
        order = completed()

        answers = scene.at_once(10, lambda _: refill(order))

        assert sorted(answers, key=str) == [None, *["refill_running"] * 9]
        assert Refill.objects.filter(order=order).count() == 1


class TestRefillWords:
    @pytest.mark.parametrize(
        ("state", "word"),
        [
            (RefillState.PENDING, "Pending"),
            (RefillState.IN_PROGRESS, "In progress"),
            (RefillState.COMPLETED, "Completed"),
            (RefillState.REJECTED, "Rejected"),
        ],
    )
    def test_are_those_of_the_wire(self, state: RefillState, word: str) -> None:
        order = completed()
        made = Refill.objects.create(
            order=order,
            user_id=order.user_id,
            asked_at=NOW,
            due_at=NOW,
            state=state,
            ended_at=NOW if state in (RefillState.COMPLETED, RefillState.REJECTED) else None,
        )

        told = requests.refill_words(user_id=order.user_id, refill_ids=[made.pk])

        assert told == {made.pk: RefillWord(word)}

    def test_leave_out_what_is_a_strangers_or_nobodys(self) -> None:
        order = completed()
        made = Refill.objects.create(order=order, user_id=order.user_id, asked_at=NOW, due_at=NOW)
        bob = cast.bob().user

        assert requests.refill_words(user_id=bob.pk, refill_ids=[made.pk, 10**9]) == {}
