"""Sends one provider's waiting orders: many at once, each at most once.

A parcel first gets its connection; then its intent is committed, together with those of
others that are ready in the same moment; only then the first byte goes out.  A worker that
dies before leaves the order in the queue, and one that dies after leaves it `sending`, to be
parked as unconfirmed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError

from relaypanel import clock, http
from relaypanel.duties import lease as leases
from relaypanel.duties.lease import Lease
from relaypanel.orders import health, send
from relaypanel.orders.send import Parcel
from relaypanel.providers.answers import Accepted, AddAnswer, NotSent
from relaypanel.providers.models import Provider
from relaypanel.worker import counters
from relaypanel.worker.batch import Batch
from relaypanel.worker.context import Context

log = structlog.get_logger(__name__)

# An answer in memory is worth waiting for: the database may be restarting.
RECORD_SECONDS: Final = 120
RECORD_AGAIN_SECONDS: Final = 0.5
LOOK_AGAIN_SECONDS: Final = 1.0
DATABASE_AWAY: Final = (OperationalError, InterfaceError)


class Sender:
    """Sends what waits for one provider, until nothing does or its time is over."""

    def __init__(self, context: Context, lease: Lease, provider: Provider) -> None:
        self._context = context
        self._lease = lease
        self._provider = provider
        self._client = context.client(provider)
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._intents: Batch[Parcel, bool] = Batch(self._intend)
        self._answers: Batch[tuple[Parcel, AddAnswer], None] = Batch(self._settle)

    async def run(self, *, seconds: float) -> int:
        """Return how many orders were taken out of the queue, once each has its answer.

        Past its time it takes more for as long as one is out that had set out in time: calls that
        hang keep the turn from ending, and must not hold up those behind them.
        """
        until = clock.monotonic() + seconds
        taken = 0
        early: set[int] = set()
        try:
            while True:
                in_time = clock.monotonic() < until
                if not self._context.stopping and (in_time or early & self._in_flight.keys()):
                    taken += await self._take()
                if in_time:
                    early = set(self._in_flight)
                if not self._in_flight:
                    return taken
                await self._land()
        finally:
            # Whatever went wrong with one: what the others bring back is still to be recorded.
            if self._in_flight:
                await asyncio.wait(self._in_flight.values())

    async def _take(self) -> int:
        """Set out with as many waiting orders as may go."""
        flying = len(self._in_flight)
        concurrency = self._provider.concurrency
        # One look for several places at once: looking costs more than a short wait.  But where
        # places are few, each counts: one slow answer must not keep all the others back.
        if concurrency - flying < min(4, max(1, concurrency // 4)):
            return 0
        parcels = await self._context.db(
            _due, self._lease, self._provider.pk, flying=flying, but=list(self._in_flight)
        )
        for parcel in parcels:
            self._in_flight[parcel.order_id] = asyncio.create_task(self._send(parcel))
        return len(parcels)

    async def _land(self) -> None:
        await asyncio.wait(
            self._in_flight.values(),
            # While one takes long, new orders come for the places that are free.
            timeout=LOOK_AGAIN_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for order_id, task in list(self._in_flight.items()):
            if task.done():
                del self._in_flight[order_id]
                task.result()

    async def _send(self, parcel: Parcel) -> None:
        flight = _Flight(parcel, self._intents)
        answer = await self._client.add(
            service=parcel.service,
            fields=parcel.fields,
            client_ref=parcel.client_ref,
            ready=flight.ready,
        )
        if not flight.is_connected:
            await self._context.db(_note, self._provider.pk, answer)
        # What was not intended never left the queue, and stays there.
        elif await self._is_intended(flight, parcel):
            kind = type(answer).__name__
            log.info("sent", order=parcel.order_id, answer=kind)
            counters.SENT.labels(provider=self._provider.pk, answer=kind).inc()
            await self._record(parcel, answer)

    async def _is_intended(self, flight: _Flight, parcel: Parcel) -> bool:
        try:
            return await flight.is_intended()
        except DATABASE_AWAY:
            # It may have been committed for all that.  Nothing was sent, and nobody else knows.
            await self._record(parcel, NotSent(reason="the database was lost meanwhile"))
            raise

    async def _record(self, parcel: Parcel, answer: AddAnswer) -> None:
        """Record an answer even if the database has to come back first."""
        until = clock.monotonic() + RECORD_SECONDS
        settled, alone = (parcel, answer), False
        while True:
            try:
                await (self._settle([settled]) if alone else self._answers.ask(settled))
            except DATABASE_AWAY:
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(RECORD_AGAIN_SECONDS)
            except Exception:
                if alone:
                    raise
                # Another answer of the group may be at fault, and then this one is still good.
                alone = True
            else:
                return

    async def _intend(self, parcels: list[Parcel]) -> list[bool]:
        intended = await self._context.db(_intend, self._provider.pk, parcels)
        return [parcel.order_id in intended for parcel in parcels]

    async def _settle(self, settled: list[tuple[Parcel, AddAnswer]]) -> Sequence[None]:
        await self._context.db(_settle, self._provider.pk, settled)
        return [None] * len(settled)


class _Flight:
    """One parcel on its way: whether it had a connection, and whether its intent was recorded."""

    def __init__(self, parcel: Parcel, intents: Batch[Parcel, bool]) -> None:
        self._parcel = parcel
        self._intents = intents
        self._intent: asyncio.Future[bool] | None = None

    @property
    def is_connected(self) -> bool:
        return self._intent is not None

    async def ready(self) -> None:
        """Commit the intent; the first byte follows.  Raises http.NotSent."""
        self._intent = self._intents.ask(self._parcel)
        try:
            # Shielded: when the call's time is over, what becomes of it must still be known.
            is_intended = await asyncio.shield(self._intent)
        except DATABASE_AWAY as error:
            raise http.NotSent("the database is away") from error
        if not is_intended:
            raise http.NotSent("it may not go any more")

    async def is_intended(self) -> bool:
        assert self._intent is not None
        return await self._intent


def _due(lease: Lease, provider_id: int, *, flying: int, but: list[int]) -> list[Parcel]:
    if not leases.is_held(lease):
        return []
    # Read anew each time: a breaker or the owner may have stopped the provider meanwhile.
    provider = Provider.objects.get(pk=provider_id)
    now = clock.of_database()
    limit = health.room(provider, now=now) - flying
    return send.due(provider=provider, limit=limit, now=now, but=but)


def _intend(provider_id: int, parcels: list[Parcel]) -> set[int]:
    provider = Provider.objects.get(pk=provider_id)
    now = clock.of_database()
    if not health.room(provider, now=now):
        return set()
    return send.intend(provider=provider, parcels=parcels, now=now)


def _settle(provider_id: int, settled: list[tuple[Parcel, AddAnswer]]) -> None:
    now = clock.of_database()
    send.settle_all(settled=settled, now=now)
    provider = Provider.objects.get(pk=provider_id)
    for _, answer in settled:
        # What was intended and not sent came too late by our own fault: the connection stood.
        tells = not isinstance(answer, NotSent)
        if tells and not (isinstance(answer, Accepted) and health.is_well(provider)):
            health.note(provider_id=provider_id, answer=answer, now=now)


def _note(provider_id: int, answer: AddAnswer) -> None:
    health.note(provider_id=provider_id, answer=answer, now=clock.of_database())
