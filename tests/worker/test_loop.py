from __future__ import annotations

import asyncio
import json
import threading
import typing
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.db.models import F
from pytest_django import Settings
from structlog.testing import capture_logs

from relaypanel import http
from relaypanel.contract import Action
from relaypanel.duties import lease as leases
from relaypanel.duties.models import Duty
from relaypanel.orders.models import Status
from relaypanel.providers import logbook
from relaypanel.providers.models import Provider, Trouble
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.worker import jobs, loop, sending
from relaypanel.worker.loop import Worker
from tests import cast, family
from tests.processes import Panel, Process
from tests.worker.desk import LIMIT_SECONDS, Line, Time, bought, relayed, statuses, waiting

# The worker's threads have connections of their own: what they are to see must be committed.
on_threads = pytest.mark.django_db(transaction=True)

Logs = Sequence[MutableMapping[str, Any]]


@contextmanager
def at_work(line: Line) -> Iterator[Worker]:
    worker = Worker(typing.cast("http.Session", line))
    try:
        yield worker
    finally:
        worker._threads.shutdown()
        worker._renewing.shutdown()


def look_once(line: Line) -> Logs:
    """Let a worker do what is due, and return what it logged."""

    async def story(worker: Worker) -> None:
        await worker.look()
        await worker.settle()

    with at_work(line) as worker, capture_logs() as logs:
        asyncio.run(asyncio.wait_for(story(worker), LIMIT_SECONDS))
    return logs


def run(line: Line, story: Callable[[Logs], Awaitable[None]]) -> Logs:
    """Let a worker run while `story` is told, then stop it; return what it logged."""

    async def whole(worker: Worker) -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                await story(logs)
        finally:
            stop.set()
            await running

    with at_work(line) as worker, capture_logs() as logs:
        asyncio.run(whole(worker))
    return logs


async def seen(look: Callable[[], object]) -> None:
    """Look again and again, in a thread that may ask the database, until it is so."""
    await asyncio.to_thread(family.until, look)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for new providers all the time."""
    monkeypatch.setattr(loop, "ENSURE_EVERY_SECONDS", 0.01)


def due(*names: str) -> None:
    leases.ensure(names, now=cast.NOW)


def duty(name: str) -> Duty:
    return Duty.objects.get(name=name)


def told(logs: Logs, event: str) -> Logs:
    return [log for log in logs if log["event"] == event]


@on_threads
class TestLook:
    def test_does_what_is_due_and_gives_it_back(self, line: Line, time: Time) -> None:
        provider, orders = waiting(2)
        due(f"send:{provider.pk}", f"poll:{provider.pk}")
        Duty.objects.filter(name__startswith="poll").update(due_at=time.now + timedelta(seconds=1))

        look_once(line)

        assert statuses(orders) == [Status.PENDING] * 2
        sent, not_due = duty(f"send:{provider.pk}"), duty(f"poll:{provider.pk}")
        assert (sent.token, sent.leased_until, sent.due_at) == (1, None, time.now)
        assert not_due.token == 0

    def test_rests_as_the_job_wishes(self, line: Line, time: Time) -> None:
        due("schedules")

        look_once(line)

        assert duty("schedules").due_at == time.now + timedelta(seconds=2)

    def test_keeps_where_a_sweep_stopped(self, line: Line, time: Time) -> None:
        provider, orders = waiting(9)
        Provider.objects.update(status_batch=1)
        due(f"send:{provider.pk}")
        look_once(line)
        Duty.objects.update(name=f"poll:{provider.pk}")
        line.forms.clear()

        async def take_long(_: int) -> None:
            time.wait(3)

        line.during = take_long

        look_once(line)
        assert duty(f"poll:{provider.pk}").cursor == orders[3].pk

        look_once(line)
        assert line.asked("status", "order") == [str(number) for number in range(1, 9)]

    def test_leaves_to_others_what_is_beyond_its_hands(
        self, line: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loop, "DUTIES_AT_ONCE", 1)
        provider, orders = waiting()
        due(f"send:{provider.pk}")
        due("schedules")

        async def story(worker: Worker) -> None:
            async def look_again(_: int) -> None:
                await worker.look()

            line.during = look_again
            await worker.look()
            await worker.settle()

        with at_work(line) as worker:
            asyncio.run(story(worker))

        assert statuses(orders) == [Status.PENDING]
        assert duty("schedules").token == 0

    def test_says_so_when_the_lease_was_lost(
        self, line: Line, time: Time, settings: Settings
    ) -> None:
        settings.LEASE_MS = 60_000
        provider, _ = waiting()
        name = f"send:{provider.pk}"
        due(name)

        async def lose_it(_: int) -> None:
            await asyncio.to_thread(Duty.objects.update, token=F("token") + 1)

        line.during = lose_it

        logs = look_once(line)

        assert [log["duty"] for log in told(logs, "lease_lost")] == [name]
        assert duty(name).leased_until == time.now + timedelta(minutes=1)


@on_threads
class TestFailure:
    def test_of_a_provider_is_logged_without_a_trace(self, line: Line, time: Time) -> None:
        provider = self._failing(line)

        logs = look_once(line)

        [log] = told(logs, "duty_failed")
        assert (log["duty"], log["error"]) == (f"poll:{provider.pk}", "HTTP 500")
        assert log["exc_info"] is False
        assert duty(f"poll:{provider.pk}").last_error == "HTTP 500"

    def test_of_a_provider_is_there_to_look_back_at(self, line: Line, time: Time) -> None:
        provider = self._failing(line)

        look_once(line)

        [trouble] = logbook.troubles(provider)
        assert (trouble.duty, trouble.words) == ("poll", "HTTP 500")

    def test_of_ours_is_logged_with_its_trace(self, line: Line, time: Time) -> None:
        # No provider has this number.
        due("poll:99")

        logs = look_once(line)

        [log] = told(logs, "duty_failed")
        assert log["exc_info"] is True
        assert "Provider matching query does not exist" in log["error"]
        assert duty("poll:99").failures == 1
        assert not Trouble.objects.exists()

    def test_that_says_nothing_is_named_by_its_kind(self, line: Line, time: Time) -> None:
        provider, _ = waiting()
        due(f"send:{provider.pk}")

        async def hang(_: int) -> None:
            raise AssertionError

        line.during = hang

        logs = look_once(line)

        [log] = told(logs, "duty_failed")
        assert log["error"] == "AssertionError"
        assert duty(f"send:{provider.pk}").last_error == "AssertionError"

    def test_is_tried_again_after_a_growing_rest(self, line: Line, time: Time) -> None:
        provider = self._failing(line)
        name = f"poll:{provider.pk}"
        rests = []

        for _ in range(4):
            look_once(line)
            rests.append((duty(name).due_at - time.now).total_seconds())
            time.now = duty(name).due_at

        assert rests == [1, 2, 4, 8]
        line.faults.clear()
        look_once(line)
        assert (duty(name).failures, duty(name).last_error) == (0, "")

    def test_leaves_the_other_duties_alone(self, line: Line, time: Time) -> None:
        provider = self._failing(line)
        orders = bought(relayed(provider, "202"))
        due(f"send:{provider.pk}")

        look_once(line)

        assert statuses(orders) == [Status.PENDING]
        assert duty(f"poll:{provider.pk}").failures == 1

    def _failing(self, line: Line) -> Provider:
        """Return a provider that fails whenever it is asked how an order stands."""
        provider, _ = waiting()
        due(f"send:{provider.pk}")
        look_once(line)
        Duty.objects.all().delete()
        due(f"poll:{provider.pk}")
        line.faults.add(Fault(kind=FaultKind.HTTP_500, action=Action.STATUS))
        return provider


@on_threads
class TestRun:
    def test_makes_the_duties_and_does_them_until_told_to_stop(self, line: Line) -> None:
        provider, orders = waiting()

        async def story(_: Logs) -> None:
            await seen(lambda: statuses(orders) == [Status.PENDING])

        logs = run(line, story)

        made = set(Duty.objects.values_list("name", flat=True))
        assert made == set(jobs.duties())
        assert made >= {f"{kind}:{provider.pk}" for kind in jobs.PER_PROVIDER}
        assert not Duty.objects.exclude(leased_until=None).exists()
        assert [log["event"] for log in logs if log["event"].startswith("worker")] == [
            "worker_started",
            "worker_draining",
            "worker_stopped",
        ]

    def test_finds_the_provider_that_was_added_meanwhile(self, line: Line, quick: None) -> None:
        async def story(_: Logs) -> None:
            await seen(lambda: Duty.objects.filter(name="schedules").exists())
            provider = await asyncio.to_thread(cast.provider)
            await seen(lambda: Duty.objects.filter(name=f"send:{provider.pk}").exists())

        run(line, story)

    def test_finishes_what_is_under_way_and_begins_nothing_new(self, line: Line) -> None:
        provider, orders = waiting(3)
        Provider.objects.update(concurrency=1)
        called, answer = asyncio.Event(), asyncio.Event()

        async def hold(number: int) -> None:
            if line.forms[number - 1]["action"] == Action.ADD:
                called.set()
                await answer.wait()

        line.during = hold

        async def whole(worker: Worker) -> None:
            stop = asyncio.Event()
            running = asyncio.create_task(worker.run(stop))
            await called.wait()
            stop.set()
            await seen(lambda: worker.stopping)
            assert not running.done()
            answer.set()
            await running

        with at_work(line) as worker:
            asyncio.run(asyncio.wait_for(whole(worker), LIMIT_SECONDS))

        assert statuses(orders) == [Status.PENDING, Status.QUEUED, Status.QUEUED]
        assert duty(f"send:{provider.pk}").leased_until is None

    def test_keeps_a_long_duty_for_as_long_as_it_takes(
        self, line: Line, time: Time, settings: Settings
    ) -> None:
        settings.LEASE_MS = 60
        provider, _ = waiting()
        name = f"send:{provider.pk}"
        claimed: list[str] = []
        over = asyncio.Event()

        async def take_long(number: int) -> None:
            if line.forms[number - 1]["action"] != Action.ADD:
                return
            renewed_until = time.now + timedelta(seconds=0.11)
            time.wait(0.05)
            await seen(lambda: duty(name).leased_until == renewed_until)
            # What was claimed at first is over by now.
            time.wait(0.02)
            claimed.extend(await asyncio.to_thread(_claimed_by_another, time))
            over.set()

        async def story(_: Logs) -> None:
            await over.wait()

        line.during = take_long

        logs = run(line, story)

        assert name not in claimed
        assert name not in [log["duty"] for log in told(logs, "lease_lost")]

    def test_keeps_its_duties_though_all_threads_have_work(
        self, line: Line, time: Time, settings: Settings
    ) -> None:
        settings.LEASE_MS = 60
        provider, _ = waiting()
        name = f"send:{provider.pk}"
        over, stop = threading.Event(), asyncio.Event()

        async def take_all_threads(number: int) -> None:
            if line.forms[number - 1]["action"] != Action.ADD:
                return
            waits = [worker.db(over.wait, LIMIT_SECONDS) for _ in range(loop.DATABASE_THREADS)]
            busy = asyncio.gather(*waits)
            renewed_until = time.now + timedelta(seconds=0.11)
            time.wait(0.05)
            await seen(lambda: duty(name).leased_until == renewed_until)
            over.set()
            await busy
            stop.set()

        line.during = take_all_threads

        with at_work(line) as worker:
            asyncio.run(asyncio.wait_for(worker.run(stop), LIMIT_SECONDS))

        assert over.is_set()

    @pytest.mark.parametrize(
        ("trouble", "words"),
        [
            (OperationalError("server closed\n\tthe connection"), "server closed the connection"),
            (InterfaceError("connection already closed"), "connection already closed"),
            (OperationalError(), "OperationalError"),
        ],
    )
    def test_waits_for_the_database_to_come_back(
        self, line: Line, time: Time, quick: None, trouble: Exception, words: str
    ) -> None:
        _, orders = waiting()
        time.trouble = trouble

        async def story(logs: Logs) -> None:
            await seen(lambda: len(told(logs, "database_unreachable")) > 2)
            time.trouble = None
            await seen(lambda: statuses(orders) == [Status.PENDING])

        logs = run(line, story)

        assert {log["error"] for log in told(logs, "database_unreachable")} == {words}

    def test_keeps_its_duties_through_an_outage(
        self, line: Line, time: Time, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.LEASE_MS = 30
        # So that nothing but the renewing speaks to the database while the call is out.
        monkeypatch.setattr(loop, "LOOK_EVERY_SECONDS", LIMIT_SECONDS)
        monkeypatch.setattr(sending, "RECORD_AGAIN_SECONDS", 0)
        provider, orders = waiting()
        due(f"send:{provider.pk}")
        logs: Logs = []

        async def be_away(number: int) -> None:
            if line.forms[number - 1]["action"] != Action.ADD:
                return
            time.trouble = OperationalError("away")
            await seen(lambda: len(told(logs, "database_unreachable")) > 1)
            time.trouble = None

        line.during = be_away

        async def story(seen_by_all: Logs) -> None:
            nonlocal logs
            logs = seen_by_all
            await seen(lambda: statuses(orders) == [Status.PENDING])

        run(line, story)

    def test_outlives_a_bug_of_ours_and_logs_it(self, line: Line, time: Time, quick: None) -> None:
        _, orders = waiting()
        time.trouble = ZeroDivisionError("a bug")

        async def story(logs: Logs) -> None:
            await seen(lambda: len(told(logs, "worker_failed")) > 2)
            time.trouble = None
            await seen(lambda: statuses(orders) == [Status.PENDING])

        logs = run(line, story)

        assert all(log["exc_info"] for log in told(logs, "worker_failed"))


@on_threads
class TestGivingBack:
    @pytest.mark.parametrize("subject", ["its provider", "99"])
    def test_is_left_to_the_lease_while_the_database_is_away(
        self, line: Line, time: Time, settings: Settings, subject: str
    ) -> None:
        settings.LEASE_MS = 60_000
        provider = cast.provider()
        # Of the two, the second fails: no provider has this number.
        name = f"poll:{provider.pk if subject == 'its provider' else subject}"
        due(name)

        async def story(worker: Worker) -> None:
            await worker.look()
            time.trouble = OperationalError("away")
            await worker.settle()

        with at_work(line) as worker, capture_logs() as logs:
            asyncio.run(story(worker))
        time.trouble = None

        assert len(told(logs, "database_unreachable")) == 1
        assert duty(name).leased_until == time.now + timedelta(seconds=60)

        time.wait(61)
        look_once(line)
        assert (duty(name).token, duty(name).leased_until) == (2, None)


@pytest.mark.sockets
class TestProcess:
    def test_finishes_the_call_under_way_when_it_is_asked_to_end(
        self, panel_database: Callable[..., str]
    ) -> None:
        with Panel(database_url=panel_database()) as panel:
            simulator = panel.simulator()
            control(simulator, latency={"min_ms": 2000, "max_ms": 2000})
            panel.run("shell", "--no-imports", "-c", BUY.format(url=simulator.url))
            worker = panel.start("worker")
            family.until(lambda: taken(simulator))

            code = worker.stop()

            assert code == 0
            # The call was still out when the signal came.
            assert worker.output.index("worker_draining") < worker.output.index("event=sent ")
            assert panel.run("shell", "--no-imports", "-c", STANDING).strip() == "pending None"


BUY = """
from relaypanel import clock, demo
from relaypanel.accounts import users
from relaypanel.catalogue.models import Service
from relaypanel.orders import place
demo.prepare(simulator_url="{url}/api/v2")
request = place.OrderRequest(
    user_id=users.named("demo_customer").pk,
    service_id=Service.objects.get(name__startswith="TikTok Tim").pk,
    fields={{"link": "https://example.com/post/1", "quantity": "10"}},
)
place.place(requests=[request], now=clock.now())
"""
STANDING = """
from relaypanel.duties.models import Duty
from relaypanel.orders.models import Order
print(Order.objects.get().status, Duty.objects.get(name__startswith="send").leased_until)
"""


def control(simulator: Process, **order: object) -> None:
    body = json.dumps(order).encode()
    urllib.request.urlopen(f"{simulator.url}/control", body, timeout=10).close()


def taken(simulator: Process) -> bool:
    with urllib.request.urlopen(f"{simulator.url}/control", timeout=10) as reply:
        return bool(json.load(reply)["orders"])


def _claimed_by_another(time: Time) -> list[str]:
    claimed = leases.claim(limit=99, lasting=timedelta(seconds=1), now=time.now)
    return [lease.name for lease in claimed]
