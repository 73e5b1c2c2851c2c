from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.db.models import F

from relaypanel import http
from relaypanel.contract import Action
from relaypanel.duties.models import Duty
from relaypanel.orders import send as intents
from relaypanel.orders.models import Status
from relaypanel.providers.models import Provider
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.worker import jobs, sending
from tests import cast
from tests.orders import scene
from tests.worker.desk import LIMIT_SECONDS, Desk, Time, bought, statuses, waiting

pytestmark = pytest.mark.django_db

Failing = Callable[[Callable[..., Any]], Exception | None]


def send(desk: Desk, provider: Provider) -> None:
    desk.do(jobs.send_orders, provider)


def fails(act: Callable[..., Any], *outcomes: Exception | None) -> Failing:
    """Fail `act`, each time as the next of `outcomes` says, and then no more."""
    left = list(outcomes)

    def failing(call: Callable[..., Any]) -> Exception | None:
        return left.pop(0) if call is act and left else None

    return failing


class TestFlights:
    def test_are_as_many_as_the_provider_may_have(self, desk: Desk) -> None:
        provider, orders = waiting(7, concurrency=3)
        five_out = asyncio.Event()

        async def keep_two(number: int) -> None:
            if number == 5:
                five_out.set()
            # Those after the first two take a moment, in which another could set out.
            await (five_out.wait() if number < 3 else desk.db(int))

        desk.line.during = keep_two

        send(desk, provider)

        assert desk.line.most == 3
        assert statuses(orders) == [Status.PENDING] * 7
        assert desk.line.panel.accepted == {order.link: 1 for order in orders}

    def test_are_never_two_for_one_order(self, desk: Desk) -> None:
        provider, orders = waiting(3, concurrency=2)
        set_out = []
        others_done = asyncio.Event()

        async def connect_slowly(url: str, form: Any, **options: Any) -> http.Reply:
            set_out.append(form["link"])
            if len(set_out) == 1:
                await others_done.wait()
            if len(set_out) == 3:
                others_done.set()
            return await desk.line.post(url, form, **options)

        desk.post = connect_slowly

        send(desk, provider)

        assert sorted(set_out) == sorted(order.link for order in orders)

    @pytest.mark.parametrize("concurrency", [2, 4, 8])
    def test_begin_while_an_earlier_one_is_still_out(self, desk: Desk, concurrency: int) -> None:
        provider, orders = waiting(9, concurrency=concurrency)
        all_out = asyncio.Event()

        async def keep_the_first(number: int) -> None:
            if number == 9:
                all_out.set()
            if number == 1:
                await all_out.wait()

        desk.line.during = keep_the_first

        send(desk, provider)

        assert statuses(orders) == [Status.PENDING] * 9

    def test_are_looked_for_when_there_are_several_places(self, desk: Desk) -> None:
        provider, orders = waiting(9, concurrency=8)
        events = []
        answered, looked_again = asyncio.Event(), asyncio.Event()

        def note(call: Callable[..., Any]) -> None:
            if call is sending._due:
                events.append("look")
                if len(events) > 1:
                    looked_again.set()
            elif call is sending._settle:
                events.append("answer")
                answered.set()

        async def come_one_by_one(number: int) -> None:
            if number == 2:
                await answered.wait()
                # Long enough for the look that must not come.
                for _ in range(50):
                    await desk.db(int)
            elif number in range(3, 9):
                await looked_again.wait()

        desk.failing, desk.line.during = note, come_one_by_one

        send(desk, provider)

        assert events[:4] == ["look", "answer", "answer", "look"]
        assert statuses(orders) == [Status.PENDING] * 9

    def test_begin_for_what_comes_while_one_is_still_out(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "LOOK_AGAIN_SECONDS", 0.01)
        provider, [slow] = waiting(concurrency=2)
        service, fresh = slow.service, []
        both_out = asyncio.Event()

        async def order_more(number: int) -> None:
            if number == 1:
                fresh.extend(await desk.db(bought, service))
                await both_out.wait()
            both_out.set()

        desk.line.during = order_more

        send(desk, provider)

        assert statuses([slow, *fresh]) == [Status.PENDING] * 2

    def test_begin_past_the_time_of_a_turn_while_one_hangs_that_set_out_in_time(
        self, desk: Desk, time: Time
    ) -> None:
        provider, orders = waiting(5, concurrency=2)
        others_done = asyncio.Event()

        async def hang_the_first(number: int) -> None:
            if number == 1:
                await others_done.wait()
            if number == 2:
                time.wait(jobs.RUN_SECONDS)
            if number == 5:
                others_done.set()

        desk.line.during = hang_the_first

        send(desk, provider)

        assert statuses(orders) == [Status.PENDING] * 5

    def test_end_with_what_set_out_in_time(self, desk: Desk, time: Time) -> None:
        provider, orders = waiting(3, concurrency=1)

        async def take_the_whole_turn(_: int) -> None:
            time.wait(jobs.RUN_SECONDS)

        desk.line.during = take_the_whole_turn

        send(desk, provider)

        assert statuses(orders) == [Status.PENDING, Status.QUEUED, Status.QUEUED]

    def test_are_no_more_once_the_lease_was_lost(self, desk: Desk) -> None:
        provider, orders = waiting(3, concurrency=1)

        async def lose_it(_: int) -> None:
            await desk.db(Duty.objects.update, token=F("token") + 1)

        desk.line.during = lose_it

        send(desk, provider)

        assert statuses(orders) == [Status.PENDING, Status.QUEUED, Status.QUEUED]

    def test_end_with_what_is_out_when_it_is_told_to_stop(self, desk: Desk) -> None:
        provider, orders = waiting(3, concurrency=1)

        async def stop(_: int) -> None:
            desk.stopping = True

        desk.line.during = stop

        send(desk, provider)

        assert statuses(orders) == [Status.PENDING, Status.QUEUED, Status.QUEUED]

    def test_are_none_while_the_provider_is_paused(self, desk: Desk, time: Time) -> None:
        provider, orders = waiting(paused_until=time.now + timedelta(seconds=1))

        send(desk, provider)

        assert desk.line.forms == []
        assert statuses(orders) == [Status.QUEUED]

    def test_are_no_more_once_the_breaker_is_open(self, desk: Desk) -> None:
        provider, orders = waiting(5, concurrency=1)
        desk.line.faults.add(Fault(kind=FaultKind.TIMEOUT_AFTER_ACCEPT, action=Action.ADD))

        send(desk, provider)

        assert statuses(orders) == [Status.UNCONFIRMED] * 3 + [Status.QUEUED] * 2
        assert desk.line.panel.accepted.total() == 3


class TestIntent:
    def test_is_there_before_the_first_byte(self, desk: Desk) -> None:
        provider, orders = waiting(2)
        seen = []

        async def look(_: int) -> None:
            seen.append(await desk.db(statuses, orders))

        desk.line.during = look

        send(desk, provider)

        assert seen == [[Status.SENDING] * 2] * 2

    def test_leaves_an_order_alone_that_has_moved_on(self, desk: Desk) -> None:
        provider, [order] = waiting()

        def meanwhile(call: Callable[..., Any]) -> None:
            if call is sending._intend:
                scene.standing(order, Status.HELD)

        desk.failing = self._in_its_thread(desk, meanwhile)

        send(desk, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.HELD]
        assert self._is_well(provider)

    def test_leaves_an_order_alone_that_another_worker_sends(self, desk: Desk) -> None:
        provider, [order] = waiting()

        def meanwhile(call: Callable[..., Any]) -> None:
            if call is sending._intend:
                # Under the very token that this one would have had.
                scene.standing(order, Status.SENDING, token=1)

        desk.failing = self._in_its_thread(desk, meanwhile)

        send(desk, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.SENDING]
        assert self._is_well(provider)

    def test_is_not_recorded_for_a_provider_that_was_stopped_meanwhile(self, desk: Desk) -> None:
        provider, [order] = waiting()

        def meanwhile(call: Callable[..., Any]) -> None:
            if call is sending._intend:
                Provider.objects.update(enabled=False)

        desk.failing = self._in_its_thread(desk, meanwhile)

        send(desk, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.QUEUED]

    def test_that_came_too_late_sends_nothing(self, desk: Desk, time: Time) -> None:
        provider, [order] = waiting(deadline_ms=5000)

        def be_slow(call: Callable[..., Any]) -> None:
            if call is sending._intend:
                time.wait(5)

        desk.failing = be_slow

        send(desk, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.QUEUED]
        assert scene.reasons(order) == ["sending", "not_sent"]
        assert self._is_well(provider)

    def test_is_taken_back_when_the_time_is_over_while_it_is_recorded(self, desk: Desk) -> None:
        provider, [order] = waiting()
        over = threading.Event()

        def keep_waiting(call: Callable[..., Any]) -> None:
            if call is sending._intend:
                desk.thread.submit(over.wait, LIMIT_SECONDS)

        async def give_up(*_: Any, ready: http.Ready | None = None, **__: Any) -> http.Reply:
            assert ready is not None
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await ready()
            over.set()
            raise http.NotSent("its time was over")

        desk.failing, desk.post = keep_waiting, give_up

        send(desk, provider)

        assert (scene.again(order).status, scene.again(order).token) == (Status.QUEUED, 1)
        assert scene.reasons(order) == ["sending", "not_sent"]
        assert self._is_well(provider)

    def test_that_cannot_be_recorded_leaves_the_order_in_the_queue(self, desk: Desk) -> None:
        provider, [order] = waiting()
        desk.failing = fails(sending._intend, OperationalError("away"))

        with pytest.raises(OperationalError):
            send(desk, provider)

        assert desk.line.forms == []
        assert statuses([order]) == [Status.QUEUED]

    @pytest.mark.parametrize("failure", [OperationalError("away"), InterfaceError("closed")])
    def test_is_taken_back_when_nobody_knows_whether_it_was_recorded(
        self, desk: Desk, failure: Exception
    ) -> None:
        """As when the database is lost after the commit and before it says so."""
        provider, [order] = waiting()

        def commit_and_be_lost(call: Callable[..., Any]) -> Exception | None:
            if call is not sending._intend:
                return None
            desk.thread.submit(self._intend_all, provider).result()
            return failure

        desk.failing = commit_and_be_lost

        with pytest.raises(type(failure)):
            send(desk, provider)

        assert desk.line.forms == []
        assert (scene.again(order).status, scene.again(order).token) == (Status.QUEUED, 1)
        assert scene.reasons(order) == ["sending", "not_sent"]
        assert self._is_well(provider)

    def _intend_all(self, provider: Provider) -> None:
        parcels = intents.due(provider=provider, limit=9, now=cast.NOW)
        assert intents.intend(provider=provider, parcels=parcels, now=cast.NOW)

    def _is_well(self, provider: Provider) -> bool:
        provider.refresh_from_db()
        return provider.paused_for == ""

    def _in_its_thread(self, desk: Desk, act: Callable[[Callable[..., Any]], None]) -> Failing:
        """Do `act` before a call, where the database may be used."""

        def failing(call: Callable[..., Any]) -> None:
            desk.thread.submit(act, call).result()

        return failing


class TestNoConnection:
    def test_leaves_the_order_in_the_queue_and_the_provider_in_peace(self, desk: Desk) -> None:
        provider, [order] = waiting()

        async def refuse(*_: Any, **__: Any) -> http.Reply:
            raise http.NotSent("no connection")

        desk.post = refuse

        send(desk, provider)

        provider.refresh_from_db()
        assert provider.paused_for == "no_connection"
        assert (statuses([order]), scene.reasons(order)) == ([Status.QUEUED], [])


class TestAnswers:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sending, "RECORD_AGAIN_SECONDS", 0)

    @pytest.mark.parametrize("failure", [OperationalError("away"), InterfaceError("closed")])
    def test_are_recorded_when_the_database_is_back(self, desk: Desk, failure: Exception) -> None:
        provider, [order] = waiting()
        desk.failing = fails(sending._settle, failure, failure)

        send(desk, provider)

        assert (scene.again(order).status, scene.again(order).upstream_id) == ("pending", "1")
        assert desk.line.panel.accepted == {order.link: 1}

    def test_are_given_up_when_it_stays_away(self, desk: Desk, time: Time) -> None:
        provider, [order] = waiting()

        def stay_away(call: Callable[..., Any]) -> Exception | None:
            if call is not sending._settle:
                return None
            time.wait(sending.RECORD_SECONDS / 4)
            return OperationalError("away")

        desk.failing = stay_away

        with pytest.raises(OperationalError, match="away"):
            send(desk, provider)

        # Whoever looks next finds it overdue, and nobody sends it again.
        assert statuses([order]) == [Status.SENDING]
        assert time.seconds == 1000 + sending.RECORD_SECONDS * 5 / 4

    def test_are_recorded_though_another_one_cannot_be(self, desk: Desk) -> None:
        provider, orders = waiting(3, concurrency=3)
        all_out = asyncio.Event()
        # They come together; then each is tried alone, and one of them is the one at fault.
        bug = ArithmeticError("a bug")
        desk.failing = fails(sending._settle, bug, bug)

        async def come_together(number: int) -> None:
            if number == 3:
                all_out.set()
            await all_out.wait()

        desk.line.during = come_together

        with pytest.raises(ArithmeticError):
            send(desk, provider)

        assert sorted(statuses(orders)) == [Status.PENDING, Status.PENDING, Status.SENDING]

    def test_are_recorded_alone_when_the_database_is_back(self, desk: Desk) -> None:
        provider, [order] = waiting()
        desk.failing = fails(sending._settle, ArithmeticError(), OperationalError("away"))

        send(desk, provider)

        assert statuses([order]) == [Status.PENDING]

    def test_are_recorded_though_no_more_can_be_taken(self, desk: Desk) -> None:
        provider, orders = waiting(9, concurrency=8)
        failed = asyncio.Event()
        fail = fails(sending._due, None, OperationalError("away"))

        def failing(call: Callable[..., Any]) -> Exception | None:
            failure = fail(call)
            if failure is not None:
                failed.set()
            return failure

        async def keep_one(number: int) -> None:
            if number == 8:
                await failed.wait()

        desk.failing, desk.line.during = failing, keep_one

        with pytest.raises(OperationalError):
            send(desk, provider)

        assert statuses(orders) == [Status.PENDING] * 8 + [Status.QUEUED]
