from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from structlog.testing import capture_logs

from relaypanel import money
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import ServiceSpeed
from relaypanel.contract import Action
from relaypanel.errors import ProviderError
from relaypanel.ledger import book
from relaypanel.notices import outbox
from relaypanel.notices.models import Kind
from relaypanel.orders import schedules, speed
from relaypanel.orders.models import (
    FINAL,
    CancelRequest,
    CancelState,
    DripFeed,
    Order,
    OrderEvent,
    Refill,
    RefillState,
    Status,
)
from relaypanel.providers.models import Provider, UpstreamService
from relaypanel.reports.models import BookDay, Day
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.storefront import profile
from relaypanel.worker import jobs
from relaypanel.worker.jobs import Rest
from tests import cast
from tests.notices.samples import SAMPLES
from tests.orders import scene
from tests.worker.desk import (
    CANCELABLE,
    LIKES,
    REFILLABLE,
    Desk,
    Time,
    bought,
    relayed,
    statuses,
    waiting,
)

pytestmark = pytest.mark.django_db


def running(
    desk: Desk, orders: int = 1, *, upstream_id: str = LIKES, **settings: Any
) -> tuple[Provider, list[Order]]:
    """Return orders that the provider has begun to work on."""
    provider = cast.provider(**settings)
    service = relayed(provider, upstream_id, cancel=upstream_id == CANCELABLE)
    placed = bought(service, orders)
    desk.do(jobs.send_orders, provider)
    desk.line.forms.clear()
    desk.line.most = 0
    return provider, [scene.again(order) for order in placed]


def asked_to_refill(order: Order) -> Refill:
    return Refill.objects.create(
        order=order, user_id=order.user_id, asked_at=cast.NOW, due_at=cast.NOW
    )


class TestSendOrders:
    def test_sends_all_that_waits_and_wants_to_go_on(self, desk: Desk) -> None:
        provider, orders = waiting(7, concurrency=3)

        rest = desk.do(jobs.send_orders, provider)

        assert rest == Rest(seconds=0)
        assert statuses(orders) == [Status.PENDING] * 7
        assert desk.line.panel.accepted == {order.link: 1 for order in orders}

    def test_rests_when_nothing_waits(self, desk: Desk) -> None:
        provider, _ = running(desk)

        rest = desk.do(jobs.send_orders, provider)

        assert rest == Rest(seconds=1)
        assert desk.line.forms == []

    def test_lets_others_have_a_turn(self, desk: Desk, time: Time) -> None:
        provider, orders = waiting(3, concurrency=1)

        async def take_long(_: int) -> None:
            time.wait(jobs.RUN_SECONDS / 2)

        desk.line.during = take_long

        rest = desk.do(jobs.send_orders, provider)

        assert rest == Rest(seconds=0)
        assert statuses(orders) == [Status.PENDING, Status.PENDING, Status.QUEUED]


class TestSendOrdersBehindTheBreaker:
    def broken(self, time: Time, *, rested: bool = True) -> tuple[Provider, Order]:
        provider, [order] = waiting(1)
        until = time.now if rested else time.now + timedelta(seconds=1)
        Provider.objects.update(
            paused_for="unclear_answers", paused_until=until, unclear_in_a_row=3
        )
        return provider, order

    def test_asks_for_the_balance_before_an_order_is_risked(self, desk: Desk, time: Time) -> None:
        provider, order = self.broken(time)

        desk.do(jobs.send_orders, provider)

        assert [form["action"] for form in desk.line.forms] == ["balance", "add"]
        assert statuses([order]) == [Status.PENDING]

    def test_risks_none_while_nothing_is_answered_plainly(self, desk: Desk, time: Time) -> None:
        provider, order = self.broken(time)
        desk.line.faults.add(Fault(kind=FaultKind.HTML))

        desk.do(jobs.send_orders, provider)

        assert [form["action"] for form in desk.line.forms] == ["balance"]
        assert statuses([order]) == [Status.QUEUED]

    def test_takes_a_refusal_for_a_plain_answer(self, desk: Desk, time: Time) -> None:
        provider, order = self.broken(time)
        desk.line.faults.add(Fault(kind=FaultKind.ERROR, action=Action.BALANCE, words="No"))

        desk.do(jobs.send_orders, provider)

        assert statuses([order]) == [Status.PENDING]

    def test_asks_nothing_before_the_rest_is_over(self, desk: Desk, time: Time) -> None:
        provider, order = self.broken(time, rested=False)

        desk.do(jobs.send_orders, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.QUEUED]


class TestSendOrdersLeftBehind:
    @pytest.mark.parametrize("enabled", [True, False])
    def test_are_parked_before_anything_is_sent(
        self, desk: Desk, time: Time, enabled: bool
    ) -> None:
        provider, [lost, late, fresh] = waiting(3)
        Provider.objects.update(enabled=enabled)
        scene.standing(lost, Status.SENDING, sending_until=time.now - timedelta(seconds=1))
        scene.standing(late, Status.SENDING, sending_until=time.now)
        seen = []

        async def look(_: int) -> None:
            seen.extend(await desk.db(statuses, [lost]))

        desk.line.during = look

        with capture_logs() as logs:
            desk.do(jobs.send_orders, provider)

        assert statuses([lost, late]) == [Status.UNCONFIRMED, Status.SENDING]
        assert statuses([fresh]) == [Status.PENDING if enabled else Status.QUEUED]
        assert seen == [Status.UNCONFIRMED] * enabled
        assert [log for log in logs if log["event"] == "orders_unconfirmed"] == [
            {
                "event": "orders_unconfirmed",
                "log_level": "warning",
                "provider": provider.pk,
                "orders": 1,
            }
        ]

    def test_are_no_news_when_there_are_none(self, desk: Desk) -> None:
        provider, _ = waiting()

        with capture_logs() as logs:
            desk.do(jobs.send_orders, provider)

        assert [log["event"] for log in logs] == ["sent"]


class TestPollOrders:
    def test_asks_about_the_fresh_ones_and_goes_on_where_it_stopped(self, desk: Desk) -> None:
        provider, orders = running(desk, 5, poll_seconds=45)
        Order.objects.filter(pk=orders[4].pk).update(placed_at=cast.NOW - timedelta(days=1))

        rest = desk.do(jobs.poll_orders, provider, cursor=orders[2].pk)

        assert rest == Rest(seconds=45)
        assert desk.line.asked("status", "orders") == ["4"]

    def test_asks_about_the_old_ones(self, desk: Desk) -> None:
        provider, orders = running(desk, 2)
        Order.objects.filter(pk=orders[1].pk).update(placed_at=cast.NOW - timedelta(days=1))

        rest = desk.do(jobs.poll_old_orders, provider)

        assert rest == Rest(seconds=300)
        assert desk.line.asked("status", "orders") == ["2"]

    def test_asks_about_those_that_ended(self, desk: Desk) -> None:
        provider, orders = running(desk, 2)
        scene.standing(orders[1], Status.COMPLETED, upstream_id="2")

        rest = desk.do(jobs.poll_ended_orders, provider)

        assert rest == Rest(seconds=86_400)
        assert desk.line.asked("status", "orders") == ["2"]


class TestAskRequests:
    def test_forwards_a_cancel_and_follows_it_to_its_end(self, desk: Desk, time: Time) -> None:
        provider, [order] = running(desk, upstream_id=CANCELABLE)
        request = scene.asked(order)

        rest = desk.do(jobs.ask_requests, provider)

        assert rest == Rest(seconds=2)
        assert desk.line.asked("cancel", "orders") == [order.upstream_id]
        request.refresh_from_db()
        assert request.state == CancelState.FORWARDED

        desk.do(jobs.ask_requests, provider)
        assert len(desk.line.forms) == 1

        time.wait(1)
        desk.do(jobs.poll_orders, provider)
        request.refresh_from_db()
        assert (statuses([order]), request.state) == ([Status.CANCELED], CancelState.DONE)
        assert book.balance(order.user_id) == money.parse("1000")

    @pytest.mark.parametrize(
        ("upstream_id", "end"),
        [(REFILLABLE, RefillState.COMPLETED), ("903", RefillState.REJECTED)],
    )
    def test_forwards_a_refill_and_follows_it_to_its_end(
        self, desk: Desk, time: Time, upstream_id: str, end: RefillState
    ) -> None:
        provider, [order] = running(desk, upstream_id=upstream_id)
        time.wait(10)
        desk.do(jobs.poll_orders, provider)
        desk.line.forms.clear()
        refill = asked_to_refill(order)

        desk.do(jobs.ask_requests, provider)

        refill.refresh_from_db()
        assert refill.state == RefillState.IN_PROGRESS
        assert [form["action"] for form in desk.line.forms] == ["refill"]
        assert desk.line.asked("refill", "orders") == [order.upstream_id]

        time.wait(60)
        desk.do(jobs.ask_requests, provider)

        assert desk.line.asked("refill_status", "refills") == [refill.upstream_id]
        refill.refresh_from_db()
        assert (refill.state, refill.ended_at) == (end, time.now)

    def test_asks_nothing_when_nothing_was_requested(self, desk: Desk) -> None:
        provider, _ = running(desk)

        assert desk.do(jobs.ask_requests, provider) == Rest(seconds=2)
        assert desk.line.forms == []

    @pytest.mark.parametrize("failing", [Action.CANCEL, Action.REFILL, Action.REFILL_STATUS])
    def test_fails_by_one_kind_and_gets_on_with_the_others(
        self, desk: Desk, time: Time, failing: Action
    ) -> None:
        provider, [canceled] = running(desk, upstream_id=CANCELABLE)
        refillable = relayed(provider, REFILLABLE)
        new, followed = bought(refillable, 2)
        desk.do(jobs.send_orders, provider)
        time.wait(10)
        desk.do(jobs.poll_orders, provider)
        refills = [asked_to_refill(followed)]
        desk.do(jobs.ask_requests, provider)
        time.wait(60)
        refills.append(asked_to_refill(new))
        request = scene.asked(canceled)
        desk.line.faults.add(Fault(kind=FaultKind.HTML, action=failing, times=1))

        with pytest.raises(ProviderError):
            desk.do(jobs.ask_requests, provider)

        done = {
            Action.CANCEL: CancelRequest.objects.get(pk=request.pk).state != CancelState.ASKED,
            Action.REFILL: Refill.objects.get(pk=refills[1].pk).upstream_id is not None,
            Action.REFILL_STATUS: (
                Refill.objects.get(pk=refills[0].pk).state == RefillState.COMPLETED
            ),
        }
        assert done == {action: action is not failing for action in done}
        # What got no answer is not asked without end.
        attempts = [
            CancelRequest.objects.get().attempts,
            Refill.objects.get(pk=refills[1].pk).attempts,
        ]
        assert attempts == [int(failing is Action.CANCEL), int(failing is Action.REFILL)]

    def test_ends_what_was_not_sent_before_its_cancel_was_asked(self, desk: Desk) -> None:
        provider, [order] = waiting()
        scene.asked(order)

        desk.do(jobs.ask_requests, provider)

        assert (statuses([order]), desk.line.forms) == ([Status.CANCELED], [])

    def test_counts_again_what_is_refilled_by_itself(self, desk: Desk, time: Time) -> None:
        provider = cast.provider()
        bought(relayed(provider, REFILLABLE, refill_days=30, auto_refill=True))
        desk.do(jobs.send_orders, provider)
        time.wait(10)
        desk.do(jobs.poll_orders, provider)
        desk.line.forms.clear()

        time.wait(86_400)
        desk.do(jobs.ask_requests, provider)

        assert [form["action"] for form in desk.line.forms] == ["status"]
        assert not Refill.objects.exists()


class TestReconcileOrders:
    def unclear(self, desk: Desk, time: Time, **settings: Any) -> tuple[Provider, Order]:
        """Return an order that upstream took without telling, between two that it told of."""
        provider = cast.provider(poll_seconds=7, brackets_ids=True, **settings)
        service = relayed(provider, LIKES)
        UpstreamService.objects.update(rate_e8=money.parse("0.9"))
        placed = []
        for fault in (None, FaultKind.HTTP_500_AFTER_ACCEPT, None):
            if fault:
                desk.line.faults.add(Fault(kind=fault, action=Action.ADD, times=1))
            placed += bought(service)
            desk.do(jobs.send_orders, provider)
            time.wait(121)
        desk.line.forms.clear()
        assert statuses(placed) == [Status.PENDING, Status.UNCONFIRMED, Status.PENDING]
        return provider, placed[1]

    def test_attaches_what_upstream_took(self, desk: Desk, time: Time) -> None:
        provider, order = self.unclear(desk, time)

        rest = desk.do(jobs.reconcile_orders, provider)

        assert rest == Rest(seconds=7)
        assert desk.line.asked("status", "orders") == ["1,2,3"]
        assert scene.again(order).upstream_id == "2"
        assert desk.line.panel.placed[2] == order.link

    def test_asks_for_the_balance_where_the_key_is_ours_alone(self, desk: Desk, time: Time) -> None:
        provider, order = self.unclear(
            desk,
            time,
            key_is_exclusive=True,
            balance_e8=money.parse("1000000"),
            balance_at=time.now - timedelta(seconds=1),
        )

        desk.do(jobs.reconcile_orders, provider)

        assert [form["action"] for form in desk.line.forms] == ["status", "balance"]
        assert scene.again(order).upstream_id == "2"

    def test_asks_again_where_our_name_for_an_order_is_known(self, desk: Desk, time: Time) -> None:
        provider, order = self.unclear(desk, time, speaks_client_ref=True)

        desk.do(jobs.reconcile_orders, provider)

        assert desk.line.forms == []
        assert scene.again(order).status == Status.QUEUED

    def test_asks_nothing_while_nothing_is_unclear(self, desk: Desk, time: Time) -> None:
        provider, _ = running(desk)
        time.wait(1000)

        desk.do(jobs.reconcile_orders, provider)

        assert desk.line.forms == []


class TestRunSchedules:
    def test_makes_the_runs_that_are_due(self, desk: Desk) -> None:
        parent = scene.drip_feed(runs=3)

        rest = desk.do(jobs.run_schedules, scene.upstream())

        assert rest == Rest(seconds=2)
        assert [run.run for run in parent.children.all()] == [1]

    def test_goes_on_at_once_while_more_may_be_due(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schedules, "BATCH", 1)
        scene.drip_feed(runs=3)
        scene.placed(Order.objects.get().service, runs="2", interval="30")

        rests = [desk.do(jobs.run_schedules, scene.upstream()) for _ in range(3)]

        assert [rest.seconds for rest in rests] == [0, 0, 2]
        assert Order.objects.exclude(parent=None).count() == 2

    def test_ends_what_has_run_to_its_end(self, desk: Desk) -> None:
        parent = scene.drip_feed(runs=1)
        desk.do(jobs.run_schedules, scene.upstream())
        scene.standing(parent.children.get(), Status.COMPLETED, remains=0)

        desk.do(jobs.run_schedules, scene.upstream())

        assert not DripFeed.objects.filter(next_run_at__isnull=False).exists()
        assert scene.again(parent).status in FINAL


class TestLearnSpeeds:
    def test_learns_from_what_was_completed_and_goes_on_from_there(self, desk: Desk) -> None:
        order = scene.order(Status.COMPLETED, remains=0)
        event = OrderEvent.objects.create(
            order=order, at=scene.later(hours=2), to_status=Status.COMPLETED, reason="told"
        )

        rest = desk.do(jobs.learn_speeds, scene.upstream(), cursor=event.pk - 1)

        assert rest == Rest(seconds=60, cursor=event.pk)
        assert ServiceSpeed.objects.get(service=order.service).seconds == 7200

    def test_goes_on_at_once_while_there_is_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(speed, "BATCH", 1)
        scene.order()

        assert desk.do(jobs.learn_speeds, scene.upstream()).seconds == 0


class TestCarryNotices:
    @pytest.mark.parametrize(
        ("chosen", "words"), [("", "Đã nhận được"), ("en", "has arrived"), ("xx", "Đã nhận được")]
    )
    def test_writes_in_the_readers_language_or_the_panels(
        self, desk: Desk, chosen: str, words: str
    ) -> None:
        profile.save(
            wanted=replace(profile.current(), default_language="vi"), by=CONSOLE, now=cast.NOW
        )
        alice = cast.alice().user
        User.objects.filter(pk=alice.pk).update(email="alice@example.com", language=chosen)
        told = SAMPLES[Kind.TOPUP_CONFIRMED]
        outbox.tell(user_id=alice.pk, kind=Kind.TOPUP_CONFIRMED, data=told, now=cast.NOW)

        desk.do(jobs.carry_notices, cast.provider())

        [letter] = mail.outbox
        assert words in letter.subject


class TestAddUpDays:
    def test_adds_up_what_was_sold_and_what_moved(self, desk: Desk) -> None:
        scene.order()

        rest = desk.do(jobs.add_up_days, scene.upstream())

        assert rest == Rest(seconds=60)
        assert sum(day.orders for day in Day.objects.all()) == 1
        assert BookDay.objects.get().owed_e8 == book.balance(scene.alice().pk)


class TestDuties:
    def test_are_there_for_every_provider_whatever_its_state(self) -> None:
        working = cast.provider(name="working")
        stopped = cast.provider(name="stopped", enabled=False)

        assert sorted(jobs.duties()) == sorted(
            [*jobs.ALONE]
            + [f"{kind}:{it.pk}" for it in (working, stopped) for kind in jobs.PER_PROVIDER]
        )

    def test_each_have_a_job(self) -> None:
        cast.provider()

        assert {name.partition(":")[0] for name in jobs.duties()} == set(jobs.JOBS)
