"""Asks one provider how orders stand: several calls at once, from where the last look stopped.

A call that fails is made again in halves, so that an order its provider trips over keeps no
other waiting.  A provider that answers nothing, or refuses the call as such, is left alone.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from relaypanel import clock
from relaypanel.errors import ProviderError
from relaypanel.orders import poll, subscriptions, sweep
from relaypanel.orders.models import Order
from relaypanel.orders.oddities import Oddities, Oddity
from relaypanel.orders.poll import Told
from relaypanel.orders.sweep import Sweep
from relaypanel.providers.faults import ABOUT_THE_CALL, Declined
from relaypanel.providers.models import Provider
from relaypanel.worker import counters, together
from relaypanel.worker.context import Context

log = structlog.get_logger(__name__)

# Status calls to one provider in flight at once.
CALLS_AT_ONCE: Final = 4
# So many calls in a row fail only where it is not the orders' fault: of two halves one is good.
FAILED_MAX: Final = 12
# How long a provider rests that stopped answering amid a sweep.
AFTER_FAILURE_SECONDS: Final = 15
# A paced sweep stops no more often than this.  More orders than one stop in between can take
# make it ask more at a time.
PACE_SECONDS: Final = 10

# What this process was told in a row; a worker that takes a provider over counts anew.
ODDITIES: Final = Oddities()


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """Where a look stopped, and after how many seconds it wants to go on."""

    cursor: int
    seconds: float


class Look:
    """One look at the orders of a sweep, from the place `cursor` on."""

    def __init__(self, context: Context, provider: Provider, kind: Sweep, *, cursor: int) -> None:
        self._context = context
        self._provider = provider
        self._client = context.client(provider)
        self._sweep = kind
        self._cursor = cursor
        self._batches: deque[list[Order]] = deque()
        self._again: deque[list[Order]] = deque()
        self._reading = asyncio.Lock()
        self._is_read = False
        self._taken = self._answered = self._failed_in_a_row = 0
        self._failure: ProviderError | None = None
        self._is_declined = False
        # Those of which a call about them alone failed.
        self._silent: list[Order] = []

    async def run(self, *, seconds: float) -> Stop:
        """Ask about as many orders as are due, for so long at the most.

        Raises ProviderError when not a single call brought an answer.
        """
        self._began = clock.monotonic()
        self._until = self._began + seconds
        orders = await self._count()
        self._share = _share(self._sweep, orders)
        await together.wait(self._ask_on() for _ in range(CALLS_AT_ONCE))
        if self._failure is not None and not self._answered:
            raise self._failure
        # A provider that is down says nothing about its orders; one that answers for others does.
        if self._silent:
            await self._context.db(_settle, self._silent, {})
        _count_odd()
        return Stop(cursor=self._cursor, seconds=self._rest(orders))

    async def _count(self) -> int:
        if self._sweep.within is None:
            return 0
        return await self._context.db(_count, self._sweep, self._provider.pk)

    async def _ask_on(self) -> None:
        while (batch := await self._next()) is not None:
            await self._ask(batch)

    async def _next(self) -> list[Order] | None:
        """Return the orders for one call, None when it is time to stop."""
        async with self._reading:
            if self._has_to_stop():
                return None
            if self._again:
                return self._again.popleft()
            if not self._batches:
                await self._read()
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._taken += len(batch)
            is_last = self._is_read and not self._batches
            self._cursor = 0 if is_last else batch[-1].pk
            return batch

    async def _read(self) -> None:
        """Read the orders for the next few calls in one query."""
        if self._is_read or self._taken >= self._share:
            return
        size = self._provider.status_batch
        limit = size * CALLS_AT_ONCE
        orders = await self._context.db(
            _due, self._sweep, self._provider.pk, after=self._cursor, limit=limit
        )
        self._is_read = len(orders) < limit
        self._batches.extend(orders[at : at + size] for at in range(0, len(orders), size))
        if not orders:
            self._cursor = 0

    async def _ask(self, batch: list[Order]) -> None:
        counters.POLLED.labels(provider=self._provider.pk).inc(len(batch))
        try:
            told = await self._client.statuses(_upstream_ids(batch))
            told |= await self._told_of_posts(batch, told)
        except ProviderError as failure:
            self._note(failure, batch)
        else:
            self._answered += 1
            self._failed_in_a_row = 0
            await self._context.db(_settle, batch, told)

    async def _told_of_posts(self, batch: list[Order], told: Told) -> Told:
        """Ask how the new posts of subscriptions stand: it tells their sizes."""
        if not any(map(subscriptions.is_one, batch)):
            return {}
        posts = await self._context.db(subscriptions.unseen, orders=batch, told=told)
        return await self._client.statuses(posts) if posts else {}

    def _note(self, failure: ProviderError, batch: list[Order]) -> None:
        counters.STATUS_CALLS_FAILED.labels(provider=self._provider.pk).inc()
        self._failure = failure
        self._failed_in_a_row += 1
        if isinstance(failure, Declined) and failure.fault in ABOUT_THE_CALL:
            # Any other call would hear the same.
            self._is_declined = True
        elif len(batch) > 1:
            middle = len(batch) // 2
            self._again += [batch[:middle], batch[middle:]]
        else:
            self._silent += batch

    def _has_to_stop(self) -> bool:
        is_over = self._context.stopping or clock.monotonic() >= self._until
        return is_over or self._is_given_up()

    def _is_given_up(self) -> bool:
        return self._is_declined or self._failed_in_a_row >= FAILED_MAX

    def _rest(self, orders: int) -> float:
        if self._is_given_up():
            log.warning("sweep_interrupted", provider=self._provider.pk, error=str(self._failure))
            return AFTER_FAILURE_SECONDS
        if self._sweep.within is None:
            return 0 if self._cursor else self._provider.poll_seconds
        # Spread evenly over the time that the whole of the sweep has.
        part = min(1, self._taken / orders) if orders else 1
        spent = clock.monotonic() - self._began
        return max(0, self._sweep.within.total_seconds() * part - spent)


def _share(kind: Sweep, orders: int) -> float:
    """Return how many orders a look takes at least, if there are so many."""
    if kind.within is None:
        return math.inf
    return max(1, orders * PACE_SECONDS / kind.within.total_seconds())


def _count(kind: Sweep, provider_id: int) -> int:
    return sweep.count(kind, provider_id=provider_id, now=clock.of_database())


def _due(kind: Sweep, provider_id: int, *, after: int, limit: int) -> list[Order]:
    now = clock.of_database()
    return sweep.read(kind, provider_id=provider_id, after=after, limit=limit, now=now)


def _settle(orders: list[Order], told: Told) -> None:
    poll.settle(orders=orders, told=told, oddities=ODDITIES, now=clock.of_database())


def _count_odd() -> None:
    lasting = ODDITIES.lasting()
    for oddity in Oddity:
        counters.ODD.labels(oddity=oddity.value).set(lasting[oddity])


def _upstream_ids(orders: Iterable[Order]) -> list[str]:
    return [order.upstream_id for order in orders if order.upstream_id is not None]
