"""Where a duty is done in a test: clocks moved by hand, a provider simulated and watched.

    time = Time(); line = Line(time)
    rest = Desk(line).do(jobs.send_orders, provider)

`Desk` is the least that a job works with: one thread, which shares the test's connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import connections

from relaypanel import http
from relaypanel.catalogue.models import Service
from relaypanel.duties.lease import Lease
from relaypanel.duties.models import Duty
from relaypanel.notices.courier import Courier
from relaypanel.orders import place
from relaypanel.orders.models import Order
from relaypanel.orders.place import OrderRequest
from relaypanel.providers import registry
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider
from relaypanel.simulator.faults import Faults
from relaypanel.simulator.panel import Panel
from relaypanel.worker.jobs import Job, Rest
from tests import cast
from tests.orders import scene
from tests.simulator.wire import Wire

# A duty that waits for what never comes fails its test instead of holding up all others.
LIMIT_SECONDS = 30

# What the simulated panel sells under these IDs.
LIKES = "201"
CANCELABLE = "202"
REFILLABLE = "401"

P = ParamSpec("P")
T = TypeVar("T")


class Time:
    """What the clocks say.  While there is `trouble`, asking the database for it raises that."""

    def __init__(self) -> None:
        self.now = cast.NOW
        self.seconds = 1000.0
        self.trouble: Exception | None = None

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds

    def of_database(self) -> datetime:
        if self.trouble is not None:
            raise self.trouble
        return self.now


class Line:
    """The wire to a simulated panel.  `during` happens while a call, by its number, is on it."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.panel = Panel(clock=lambda: time.seconds)
        self.faults = Faults()
        self.forms: list[dict[str, str]] = []
        # The most calls that were on it at once.
        self.most = 0
        self.during: Callable[[int], Awaitable[object]] = _a_moment
        self._calls = 0

    def asked(self, action: str, name: str) -> list[str]:
        """Return what each call of `action` said in the field `name`."""
        return [form[name] for form in self.forms if form["action"] == action and name in form]

    async def post(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: http.Ready | None = None,
    ) -> http.Reply:
        until = self.time.seconds + deadline_seconds
        if ready is not None:
            await ready()
        if self.time.seconds >= until:
            raise http.NotSent("its time was over")
        self.forms.append(dict(form))
        self._calls += 1
        self.most = max(self.most, self._calls)
        try:
            await self.during(len(self.forms))
            return await Wire(panel=self.panel, faults=self.faults).post(
                url, form, deadline_seconds=deadline_seconds, bytes_max=bytes_max
            )
        finally:
            self._calls -= 1


class Desk:
    """`failing` says before each call into the database with what it fails, if it does."""

    def __init__(self, line: Line) -> None:
        self.stopping = False
        self.line = line
        self.post: http.Post = line.post
        self.send: http.Send = _unanswered
        self.failing: Callable[[Callable[..., Any]], Exception | None] = lambda _: None

    def do(self, job: Job, provider: Provider, *, cursor: int = 0) -> Rest:
        """Do a duty of `provider` to its end, here and now."""
        lease = _held(f"duty:{provider.pk}", cursor=cursor)
        with _thread() as self.thread:
            return asyncio.run(asyncio.wait_for(job(self, lease), LIMIT_SECONDS))

    def client(self, provider: Provider) -> Client:
        return Client(registry.endpoint(provider), self.post)

    def courier(self) -> Courier:
        return Courier(self.send)

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        failure = self.failing(call)
        if failure is not None:
            raise failure
        work = partial(call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)


def relayed(provider: Provider, upstream_id: str = LIKES, **settings: Any) -> Service:
    """Return a service that is one of those which the simulated panel sells."""
    service = cast.service(rate="1", **settings)
    cast.route(service, provider, upstream_id=upstream_id)
    return service


def bought(service: Service, orders: int = 1) -> list[Order]:
    """Place orders of 100 pieces, each for a link of its own."""
    user_id = scene.alice().pk
    placed = place.place(
        requests=[
            OrderRequest(
                user_id=user_id,
                service_id=service.pk,
                fields={"link": f"https://example.com/post/{number}", "quantity": "100"},
            )
            for number in range(orders)
        ],
        now=cast.NOW,
    )
    return [order for order in placed if isinstance(order, Order)]


def waiting(orders: int = 1, **settings: Any) -> tuple[Provider, list[Order]]:
    """Return a provider, with these settings, and orders that wait to be sent to it."""
    provider = cast.provider(**settings)
    return provider, bought(relayed(provider), orders)


def statuses(orders: list[Order]) -> list[str]:
    return [scene.again(order).status for order in orders]


async def _unanswered(*_: object, **__: object) -> http.Reply:
    raise http.NotSent("nobody is there")


def _held(name: str, *, cursor: int) -> Lease:
    Duty.objects.filter(name=name).delete()
    until = cast.NOW + timedelta(hours=1)
    Duty.objects.create(name=name, token=1, due_at=cast.NOW, leased_until=until)
    return Lease(name=name, token=1, cursor=cursor, failures=0)


async def _a_moment(_: int) -> None:
    await asyncio.sleep(0)


@contextmanager
def _thread() -> Iterator[ThreadPoolExecutor]:
    """Yield a thread on the test's own connection, which sees what the test has not committed."""
    shared = connections["default"]

    def share() -> None:
        connections["default"] = shared

    shared.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(1, initializer=share) as thread:
            yield thread
    finally:
        shared.dec_thread_sharing()
