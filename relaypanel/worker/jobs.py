"""What each kind of duty does.  A new kind is one function and one line in `JOBS`.

A job reads what is due, calls the provider with no transaction open, and applies what
came back; the rules live in orders/, the network in providers/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, ParamSpec, TypeVar

import structlog

from relaypanel import clock
from relaypanel.duties.lease import Lease
from relaypanel.orders import forward, poll, schedules, send
from relaypanel.orders.models import Order, Refill
from relaypanel.providers.answers import Rejected, UpstreamStatus
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider
from relaypanel.worker.context import Context
from relaypanel.worker.sending import Sender

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# A job gives its duty back after this long even if there is more to do, so that others get a turn.
RUN_SECONDS: Final = 10
# Status calls to one provider in flight at once.
POLLS_AT_ONCE: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """How a job ends: when it wants to go on, and from where."""

    seconds: float
    cursor: int = 0


async def send_orders(context: Context, lease: Lease) -> Rest:
    """Send a provider's waiting orders, as many at once as it may have in flight."""
    provider = await _provider(context, lease)
    await context.db(_give_up_overdue, provider.pk)
    taken = await Sender(context, provider).run(seconds=RUN_SECONDS)
    return Rest(seconds=0 if taken else 1)


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
        await _all(_poll(context, client, batch) for batch in batches)
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
    refills = await context.db(forward.refills_due, provider_id=provider.pk, now=now)
    # Apart, because a panel that fails each cancel may well refill.
    await _all(
        (
            _forward_cancels(context, client, provider.pk, now),
            _forward_refills(context, client, refills, now),
            _follow_refills(context, client, refills, now),
        )
    )
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


async def _all(calls: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them, also when one fails, and then raise the first failure."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if outcome is not None:
            raise outcome


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


async def _forward_refills(
    context: Context, client: Client, refills: Sequence[Refill], now: datetime
) -> None:
    new = [refill for refill in refills if refill.upstream_id is None]
    if new:
        told = await client.refill(_ids(refill.order.upstream_id for refill in new))
        await context.db(forward.settle_refills, refills=new, told=told, now=now)


async def _follow_refills(
    context: Context, client: Client, refills: Sequence[Refill], now: datetime
) -> None:
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
