from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from relaypanel import http
from relaypanel.contract import Action, OrderType
from relaypanel.duties.lease import Lease
from relaypanel.errors import ProviderError
from relaypanel.orders import sweep
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.orders.oddities import LASTING, Oddities
from relaypanel.orders.sweep import Sweep
from relaypanel.providers.models import Provider
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.worker import counters, polling
from relaypanel.worker.context import Context
from relaypanel.worker.jobs import Rest
from tests import cast
from tests.orders import scene
from tests.worker.desk import LIKES, Desk, Time, bought, relayed, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def oddities(monkeypatch: pytest.MonkeyPatch) -> Oddities:
    oddities = Oddities()
    monkeypatch.setattr(polling, "ODDITIES", oddities)
    return oddities


def running(desk: Desk, orders: int = 1, **settings: Any) -> tuple[Provider, list[Order]]:
    """Return orders that the provider took, under the IDs 1, 2, …"""
    provider = cast.provider(**settings)
    placed = bought(relayed(provider, LIKES), orders)
    for number, order in enumerate(placed, 1):
        scene.standing(order, Status.PENDING, upstream_id=str(number))
    desk.line.panel.adopts = True
    return provider, [scene.again(order) for order in placed]


def old(orders: list[Order]) -> None:
    placed_at = cast.NOW - timedelta(days=1)
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(placed_at=placed_at)


def look(
    desk: Desk,
    provider: Provider,
    *,
    cursor: int = 0,
    kind: Sweep = sweep.FRESH,
    written: list[int] | None = None,
) -> tuple[int, float]:
    """Return where a look stopped and after how many seconds it wants to go on."""

    async def job(context: Context, lease: Lease) -> Rest:
        with scene.written() as rows:
            stop = await polling.Look(context, provider, kind, cursor=lease.cursor).run(seconds=10)
        if written is not None:
            written.extend(rows)
        return Rest(seconds=stop.seconds, cursor=stop.cursor)

    rest = desk.do(job, provider, cursor=cursor)
    return rest.cursor, rest.seconds


def in_company() -> Callable[[int], Awaitable[object]]:
    """Return what holds the first calls until as many as may be are on the wire at once."""
    together = asyncio.Event()

    async def wait(number: int) -> None:
        if number == polling.CALLS_AT_ONCE:
            together.set()
        await together.wait()

    return wait


def asked(desk: Desk) -> list[str]:
    return desk.line.asked("status", "orders") + desk.line.asked("status", "order")


class TestFresh:
    def test_are_asked_about_again_after_the_providers_rest(self, desk: Desk) -> None:
        provider, orders = running(desk, 3, poll_seconds=45)

        assert look(desk, provider) == (0, 45)

        assert statuses(orders) == [Status.IN_PROGRESS] * 3
        assert asked(desk) == ["1,2,3"]

    def test_cost_no_call_where_there_are_none(self, desk: Desk) -> None:
        provider = cast.provider(poll_seconds=45)

        assert look(desk, provider) == (0, 45)

        assert desk.line.forms == []

    def test_are_asked_about_in_calls_of_the_size_that_the_provider_takes(self, desk: Desk) -> None:
        provider, _ = running(desk, 7, status_batch=3)

        look(desk, provider)

        assert asked(desk) == ["1,2,3", "4,5,6", "7"]

    @pytest.mark.parametrize("orders", [8, 9])
    def test_are_asked_about_to_the_last_several_calls_at_once(
        self, desk: Desk, orders: int
    ) -> None:
        provider, _ = running(desk, orders, status_batch=1)
        desk.line.during = in_company()

        assert look(desk, provider) == (0, provider.poll_seconds)

        assert asked(desk) == [str(number) for number in range(1, orders + 1)]
        assert desk.line.most == polling.CALLS_AT_ONCE

    def test_do_not_wait_for_the_slowest_call(self, desk: Desk) -> None:
        provider, _ = running(desk, 12, status_batch=1)
        last = asyncio.Event()

        async def hold_the_first(number: int) -> None:
            if number == 1:
                await last.wait()
            if number == 12:
                last.set()

        desk.line.during = hold_the_first

        assert look(desk, provider) == (0, provider.poll_seconds)

    def test_are_gone_on_with_where_the_last_look_stopped(self, desk: Desk) -> None:
        provider, orders = running(desk, 5)

        assert look(desk, provider, cursor=orders[2].pk) == (0, provider.poll_seconds)

        assert asked(desk) == ["4,5"]

    def test_are_begun_anew_after_the_last(self, desk: Desk) -> None:
        provider, orders = running(desk, 4, status_batch=1)

        assert look(desk, provider, cursor=orders[-1].pk) == (0, provider.poll_seconds)

        assert asked(desk) == []

    def test_are_given_back_when_the_time_is_over(self, desk: Desk, time: Time) -> None:
        provider, orders = running(desk, 9, status_batch=1)

        async def take_long(_: int) -> None:
            time.wait(3)

        desk.line.during = take_long

        cursor, seconds = look(desk, provider)

        assert (cursor, seconds) == (orders[3].pk, 0)
        assert asked(desk) == ["1", "2", "3", "4"]
        assert statuses(orders[:5]) == [Status.IN_PROGRESS] * 4 + [Status.PENDING]

    def test_are_given_back_when_told_to_stop(self, desk: Desk) -> None:
        provider, orders = running(desk, 9, status_batch=1)

        async def stop(_: int) -> None:
            desk.stopping = True

        desk.line.during = stop

        assert look(desk, provider) == (orders[0].pk, 0)

        desk.line.forms.clear()
        assert look(desk, provider, cursor=orders[0].pk) == (orders[0].pk, 0)
        assert desk.line.forms == []

    def test_cost_no_write_while_they_do_not_change(self, desk: Desk) -> None:
        provider, _ = running(desk, 7, status_batch=3)
        look(desk, provider)

        written: list[int] = []
        look(desk, provider, written=written)

        assert written == []


class TestOld:
    def test_are_asked_about_once_in_five_minutes_if_they_are_few(self, desk: Desk) -> None:
        provider, orders = running(desk, 3, poll_seconds=45)
        old(orders)

        assert look(desk, provider, kind=sweep.OLD) == (0, 300)
        assert look(desk, provider) == (0, 45)

        assert asked(desk) == ["1,2,3"]

    def test_are_asked_about_in_slices_spread_over_the_time(self, desk: Desk, time: Time) -> None:
        provider, orders = running(desk, 10, status_batch=1)
        old(orders)

        async def take_a_second(_: int) -> None:
            time.wait(1)

        desk.line.during = take_a_second

        first = look(desk, provider, kind=sweep.OLD)
        second = look(desk, provider, kind=sweep.OLD, cursor=first[0])
        last = look(desk, provider, kind=sweep.OLD, cursor=second[0])

        # Four of ten have two fifths of the five minutes, less what asking took.
        assert first == (orders[3].pk, 300 * 4 / 10 - 4)
        assert second == (orders[7].pk, 300 * 4 / 10 - 4)
        assert last == (0, 300 * 2 / 10 - 2)

    def test_are_asked_about_faster_where_they_are_many(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(polling, "PACE_SECONDS", 150)
        provider, orders = running(desk, 12, status_batch=1)
        old(orders)

        # Half of them are due in half of the time, and read four at a time.
        assert look(desk, provider, kind=sweep.OLD) == (orders[7].pk, 200)

    def test_are_begun_anew_at_once_after_a_slice_that_ended_full(self, desk: Desk) -> None:
        provider, orders = running(desk, 4, status_batch=1)
        old(orders)
        cursor, seconds = look(desk, provider, kind=sweep.OLD)
        assert (cursor, seconds) == (orders[-1].pk, 300)

        assert look(desk, provider, kind=sweep.OLD, cursor=cursor) == (0, 0)

    def test_are_gone_on_with_at_once_when_the_time_was_over(self, desk: Desk, time: Time) -> None:
        provider, orders = running(desk, 8, status_batch=1)
        old(orders)

        meet = in_company()

        async def take_long(number: int) -> None:
            await meet(number)
            time.wait(100)

        desk.line.during = take_long

        assert look(desk, provider, kind=sweep.OLD) == (orders[3].pk, 0)


class TestFailure:
    def fail(self, desk: Desk, kind: FaultKind, **more: Any) -> None:
        desk.line.faults.add(Fault(kind=kind, action=Action.STATUS, **more))

    def test_of_a_call_is_made_good_in_halves(self, desk: Desk) -> None:
        provider, orders = running(desk, 4)
        self.fail(desk, FaultKind.HTTP_500, times=1)

        assert look(desk, provider) == (0, provider.poll_seconds)

        assert asked(desk) == ["1,2,3,4", "1,2", "3,4"]
        assert statuses(orders) == [Status.IN_PROGRESS] * 4

    def test_by_one_order_harms_no_other(self, desk: Desk) -> None:
        provider, orders = running(desk, 16)
        self.fail(desk, FaultKind.POISON, words="13")

        for _ in range(LASTING):
            assert look(desk, provider) == (0, provider.poll_seconds)

        healthy = [order for order in orders if order.upstream_id != "13"]
        assert statuses(healthy) == [Status.IN_PROGRESS] * 15
        assert statuses([orders[12]]) == [Status.PENDING]
        told = OrderEvent.objects.filter(reason="no_answer").values_list("order", flat=True)
        assert list(told) == [orders[12].pk]

    def test_of_a_whole_call_by_one_unknown_order_harms_no_other(self, desk: Desk) -> None:
        provider, orders = running(desk, 4)
        post = desk.line.post

        async def strict(url: str, form: Mapping[str, str], **rest: Any) -> http.Reply:
            reply = await post(url, form, **rest)
            if "3" not in form["orders"].split(","):
                return reply
            return replace(reply, body=b'{"error": "Incorrect order ID"}')

        desk.post = strict

        assert look(desk, provider) == (0, provider.poll_seconds)

        healthy = [order for order in orders if order.upstream_id != "3"]
        assert statuses(healthy) == [Status.IN_PROGRESS] * 3
        assert statuses([orders[2]]) == [Status.PENDING]

    def test_of_a_provider_that_is_down_is_told_of_no_order(self, desk: Desk) -> None:
        provider, _ = running(desk)
        self.fail(desk, FaultKind.HTTP_500)

        for _ in range(LASTING):
            with pytest.raises(ProviderError):
                look(desk, provider)

        assert not OrderEvent.objects.filter(reason="no_answer").exists()

    def test_of_each_call_is_the_providers(self, desk: Desk) -> None:
        provider, _ = running(desk, 100, status_batch=2)
        self.fail(desk, FaultKind.HTTP_500)

        with pytest.raises(ProviderError, match="HTTP 500"):
            look(desk, provider)

        # Those in flight come home.
        assert polling.FAILED_MAX <= len(asked(desk)) < polling.FAILED_MAX + polling.CALLS_AT_ONCE

    def test_amid_a_sweep_leaves_the_provider_alone_for_a_while(self, desk: Desk) -> None:
        provider, orders = running(desk, 40, status_batch=1)

        async def break_down(number: int) -> None:
            if number == 8:
                self.fail(desk, FaultKind.HTML)

        desk.line.during = break_down

        with capture_logs() as logs:
            cursor, seconds = look(desk, provider)

        assert cursor == orders[len(asked(desk)) - 1].pk
        assert seconds == polling.AFTER_FAILURE_SECONDS
        assert len(asked(desk)) < 8 + polling.FAILED_MAX + polling.CALLS_AT_ONCE
        assert [log["event"] for log in logs] == ["sweep_interrupted"]

    @pytest.mark.parametrize("words", ["Invalid API key", "Too many requests"])
    def test_that_is_about_the_call_is_not_tried_again(self, desk: Desk, words: str) -> None:
        provider, _ = running(desk, 4)
        self.fail(desk, FaultKind.ERROR, words=words)

        with pytest.raises(ProviderError, match=words):
            look(desk, provider)

        assert asked(desk) == ["1,2,3,4"]

    def test_of_the_database_ends_the_look(self, desk: Desk) -> None:
        provider, _ = running(desk, 8, status_batch=1)
        desk.failing = lambda call: ValueError("no") if call is polling._settle else None

        with pytest.raises(ValueError, match="no"):
            look(desk, provider)


class TestOdd:
    def test_orders_are_counted_for_staff(self, desk: Desk) -> None:
        provider, _ = running(desk, 3)
        desk.line.panel.adopts = False

        for _ in range(LASTING):
            look(desk, provider)

        gauge = counters.ODD.labels(oddity="vanished")
        assert gauge._value.get() == 3
        assert OrderEvent.objects.filter(reason="vanished").count() == 3

        desk.line.panel.adopts = True
        look(desk, provider)
        assert gauge._value.get() == 0


class TestSubscription:
    def test_has_its_new_posts_asked_about_before_they_are_charged(
        self, desk: Desk, time: Time
    ) -> None:
        provider = cast.provider()
        service = relayed(provider, "1501", type=OrderType.SUBSCRIPTIONS)
        form = {"username": "miu", "min": "10", "max": "20", "delay": "0", "posts": "5"}
        parent = scene.placed(service, **form)
        told = desk.line.panel.answer(
            {"key": "any", "action": "add", "service": _subscriptions(desk)} | form
        )
        assert isinstance(told, dict), told
        scene.standing(parent, Status.PENDING, upstream_id=str(told["order"]))
        time.wait(10)

        look(desk, provider)

        posts = Order.objects.filter(parent=parent).order_by("run")
        assert len(posts) == 2
        assert asked(desk) == [f"{told['order']}", ",".join(it.upstream_id or "" for it in posts)]

    def test_without_new_posts_costs_no_other_call(self, desk: Desk, time: Time) -> None:
        provider = cast.provider()
        service = relayed(provider, "1501", type=OrderType.SUBSCRIPTIONS)
        form = {"username": "miu", "min": "10", "max": "20", "delay": "0", "posts": "5"}
        scene.standing(scene.placed(service, **form), Status.PENDING, upstream_id="77")
        desk.line.panel.adopts = True

        look(desk, provider)

        assert asked(desk) == ["77"]


def _subscriptions(desk: Desk) -> str:
    rows = desk.line.panel.answer({"key": "any", "action": "services"})
    assert isinstance(rows, list)
    return next(str(row["service"]) for row in rows if row["type"] == "Subscriptions")
