"""What each kind of duty does.  A new kind is one function and one line in `JOBS`.

A job reads what is due, calls the provider with no transaction open, and applies what
came back; the rules live in orders/, the network in providers/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, ParamSpec, Protocol, TypeVar

import structlog
from django.db import InterfaceError, OperationalError

from relaypanel import clock
from relaypanel.duties.lease import Lease
from relaypanel.orders import forward, poll, schedules, send
from relaypanel.orders.models import Order
from relaypanel.providers.answers import AddAnswer, Rejected, UpstreamStatus
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# A job gives its duty back after this long even if there is more to do, so that others get a turn.
RUN_SECONDS: Final = 10
# Status calls to one provider in flight at once.
POLLS_AT_ONCE: Final = 4
# An answer in memory is worth waiting for: the database may be restarting.
RECORD_SECONDS: Final = 120


class Context(Protocol):
    """What a job works with."""

    stopping: bool

    def client(self, provider: Provider) -> Client: ...

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a domain call in a thread that may talk to the database."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """How a job ends: when it wants to go on, and from where."""

    seconds: float
    cursor: int = 0


async def send_orders(context: Context, lease: Lease) -> Rest:
    """Send a provider's waiting orders, as many at once as it may have in flight."""
    provider = await _provider(context, lease)
    await context.db(_give_up_overdue, provider.pk)
    client = context.client(provider)
    until = clock.monotonic() + RUN_SECONDS
    in_flight: set[asyncio.Task[None]] = set()
    sent = 0
    while True:
        free = provider.concurrency - len(in_flight)
        if free and not context.stopping and clock.monotonic() < until:
            # The deadline of a call is counted by this machine's clock, from before its intent.
            before = clock.now() + timedelta(milliseconds=provider.deadline_ms)
            for intent in await context.db(_begin, provider.pk, free):
                sent += 1
                in_flight.add(asyncio.create_task(_send(context, client, intent, before)))
        if not in_flight:
            return Rest(seconds=0 if sent else 1)
        done, in_flight = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def poll_orders(context: Context, lease: Lease) -> Rest:
    """Ask how a provider's running orders stand, from where the last look stopped."""
    provider = await _provider(context, lease)
    client = context.client(provider)
    until = clock.monotonic() + RUN_SECONDS
    cursor = lease.cursor
    while True:
        sweep = await context.db(
            poll.due,
            provider_id=provider.pk,
            after=cursor,
            limit=provider.status_batch * POLLS_AT_ONCE,
        )
        batches = _batches(sweep.orders, provider.status_batch)
        await asyncio.gather(*(_poll(context, client, batch) for batch in batches))
        cursor = sweep.cursor
        if cursor == 0:
            return Rest(seconds=provider.poll_seconds)
        if context.stopping or clock.monotonic() > until:
            return Rest(seconds=0, cursor=cursor)


async def ask_requests(context: Context, lease: Lease) -> Rest:
    """Forward cancel and refill requests to a provider and follow what becomes of them."""
    provider = await _provider(context, lease)
    client = context.client(provider)
    now = await context.db(clock.of_database)
    await _forward_cancels(context, client, provider.pk, now)
    await _follow_refills(context, client, provider.pk, now)
    return Rest(seconds=2)


async def run_schedules(context: Context, _lease: Lease) -> Rest:
    """Make the drip-feed runs that are due, and end the drip-feeds that are done."""
    made = await context.db(_run_schedules)
    return Rest(seconds=0 if made >= schedules.BATCH else 2)


Job = Callable[[Context, Lease], Awaitable[Rest]]

JOBS: Final[dict[str, Job]] = {
    "send": send_orders,
    "poll": poll_orders,
    "ask": ask_requests,
    "schedules": run_schedules,
}
PER_PROVIDER: Final = ("send", "poll", "ask")


def duties() -> list[str]:
    """Return the names of all duties there should be.

    A provider that gets no new orders still has old ones to be followed.
    """
    providers = Provider.objects.values_list("pk", flat=True)
    return ["schedules", *(f"{kind}:{pk}" for pk in providers for kind in PER_PROVIDER)]


async def _provider(context: Context, lease: Lease) -> Provider:
    return await context.db(Provider.objects.get, pk=lease.subject)


def _give_up_overdue(provider_id: int) -> None:
    given_up = send.give_up_overdue(provider_id=provider_id, now=clock.of_database())
    if given_up:
        log.warning("orders_unconfirmed", provider=provider_id, orders=given_up)


def _begin(provider_id: int, limit: int) -> list[send.Intent]:
    # Read anew each time: a breaker or the owner may have stopped the provider meanwhile.
    provider = Provider.objects.get(pk=provider_id)
    return send.begin(provider=provider, limit=limit, now=clock.of_database())


async def _send(context: Context, client: Client, intent: send.Intent, before: datetime) -> None:
    answer = await client.add(
        service=intent.service,
        fields=intent.fields,
        client_ref=intent.client_ref,
        before=before,
    )
    log.info("sent", order=intent.order_id, answer=type(answer).__name__)
    await _insist(context, _settle, client.endpoint.provider_id, intent, answer)


def _settle(provider_id: int, intent: send.Intent, answer: AddAnswer) -> None:
    now = clock.of_database()
    send.settle(intent=intent, answer=answer, now=now)
    send.note_health(provider_id=provider_id, answer=answer, now=now)


async def _insist(
    context: Context, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Record an answer even if the database has to come back first."""
    until = clock.monotonic() + RECORD_SECONDS
    while True:
        try:
            return await context.db(call, *args, **kwargs)
        except (OperationalError, InterfaceError):
            if clock.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


async def _poll(context: Context, client: Client, orders: list[Order]) -> None:
    told = await client.statuses(_ids(order.upstream_id for order in orders))
    await context.db(_settle_statuses, orders, told)


def _settle_statuses(orders: list[Order], told: Mapping[str, UpstreamStatus | Rejected]) -> None:
    poll.settle(orders=orders, told=told, now=clock.of_database())


async def _forward_cancels(
    context: Context, client: Client, provider_id: int, now: datetime
) -> None:
    requests = await context.db(forward.cancels_due, provider_id=provider_id, now=now)
    if requests:
        told = await client.cancel(_ids(request.order.upstream_id for request in requests))
        await context.db(forward.settle_cancels, requests=requests, told=told, now=now)


async def _follow_refills(
    context: Context, client: Client, provider_id: int, now: datetime
) -> None:
    refills = await context.db(forward.refills_due, provider_id=provider_id, now=now)
    new = [refill for refill in refills if refill.upstream_id is None]
    if new:
        told = await client.refill(_ids(refill.order.upstream_id for refill in new))
        await context.db(forward.settle_refills, refills=new, told=told, now=now)
    running = [refill for refill in refills if refill.upstream_id is not None]
    if running:
        states = await client.refill_statuses(_ids(refill.upstream_id for refill in running))
        await context.db(forward.settle_refill_statuses, refills=running, told=states, now=now)


def _run_schedules() -> int:
    now = clock.of_database()
    schedules.close_ended(now=now)
    return schedules.run_due(now=now)


def _ids(upstream_ids: Iterable[str | None]) -> list[str]:
    return [upstream_id for upstream_id in upstream_ids if upstream_id is not None]


def _batches(orders: list[Order], size: int) -> list[list[Order]]:
    return [orders[start : start + size] for start in range(0, len(orders), size)]
