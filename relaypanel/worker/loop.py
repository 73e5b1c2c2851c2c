"""The worker: claims duties that are due, does many at once, and gives them back.

Any number of workers share one database with no other coordination.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Final, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from relaypanel import clock, http
from relaypanel.duties import lease as leases
from relaypanel.duties.lease import Lease
from relaypanel.errors import ProviderError
from relaypanel.notices.courier import Courier
from relaypanel.providers import logbook, registry
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider
from relaypanel.worker import history, jobs

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

DUTIES_AT_ONCE: Final = 64
DATABASE_THREADS: Final = 6
LOOK_EVERY_SECONDS: Final = 0.25
# How often new providers are looked for.
ENSURE_EVERY_SECONDS: Final = 5.0


def main() -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way and return.

    Raises history.WentBack, also when it is found out later.
    """
    _with_connection(history.advance)
    asyncio.run(_main())


async def _main() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with http.Session() as session:
        await Worker(session).run(stop)


class Worker:
    """Does duties until told to stop.  It is the `Context` that jobs work with."""

    def __init__(self, session: http.Session) -> None:
        self.stopping = False
        self._session = session
        self._lasting = timedelta(milliseconds=settings.LEASE_MS)
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
        # A lease is renewed however much work waits for a thread.
        self._renewing = ThreadPoolExecutor(1, thread_name_prefix="renewing")
        self._running: dict[asyncio.Task[None], Lease] = {}
        self._refusal: history.WentBack | None = None

    async def run(self, stop: asyncio.Event) -> None:
        log.info("worker_started")
        keepers = [
            asyncio.create_task(self._every(ENSURE_EVERY_SECONDS, self._ensure)),
            asyncio.create_task(self._every(self._lasting.total_seconds() / 3, self._renew)),
            asyncio.create_task(self._every(history.EVERY_SECONDS, partial(self._remember, stop))),
        ]
        while not stop.is_set():
            await self._guarded(self.look)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_SECONDS)
        log.info("worker_draining", duties=len(self._running))
        self.stopping = True
        await self.settle()
        for keeper in keepers:
            keeper.cancel()
        await self._guarded(partial(self._remember, stop))
        self._threads.shutdown()
        self._renewing.shutdown()
        log.info("worker_stopped")
        if self._refusal is not None:
            raise self._refusal

    async def look(self) -> None:
        """Claim what is due and start it."""
        free = DUTIES_AT_ONCE - len(self._running)
        for lease in await self.db(_claim, free, self._lasting):
            task = asyncio.create_task(self._do(lease))
            self._running[task] = lease
            task.add_done_callback(self._running.pop)

    async def settle(self) -> None:
        """Wait for the duties under way."""
        while self._running:
            await asyncio.wait(self._running)

    def client(self, provider: Provider) -> Client:
        return Client(registry.endpoint(provider), self._session.post)

    def courier(self) -> Courier:
        return Courier(self._session.send)

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await _in(self._threads, partial(call, *args, **kwargs))

    async def _do(self, lease: Lease) -> None:
        structlog.contextvars.bind_contextvars(**_subject(lease))
        try:
            rest = await jobs.JOBS[lease.kind](self, lease)
        except Exception as error:
            words = _words(error)
            # What a provider did wrong is expected; anything else is ours, and its trace is needed.
            log.warning(
                "duty_failed",
                duty=lease.name,
                error=words,
                exc_info=not isinstance(error, ProviderError),
            )
            await self._guarded(partial(self.db, _fail, lease, error, words))
        else:
            await self._guarded(partial(self.db, _finish, lease, rest))

    async def _ensure(self) -> None:
        await self.db(_ensure)

    async def _remember(self, stop: asyncio.Event) -> None:
        try:
            await self.db(history.advance)
        except history.WentBack as refusal:
            self._refusal = refusal
            stop.set()

    async def _renew(self) -> None:
        if self._running:
            held = list(self._running.values())
            await _in(self._renewing, partial(_renew, held, self._lasting))

    async def _every(self, seconds: float, act: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._guarded(act)
            await asyncio.sleep(seconds)

    async def _guarded(self, act: Callable[[], Awaitable[object]]) -> None:
        try:
            await act()
        except (OperationalError, InterfaceError) as error:
            # The database is away; it comes back, and so do we.
            log.warning("database_unreachable", error=_words(error))
        except Exception:
            # A bug of ours must neither pass unseen nor end what others have under way.
            log.exception("worker_failed")


def _subject(lease: Lease) -> dict[str, str | int]:
    """Return what each line in the log of a duty says beside its own words."""
    if ":" in lease.name:
        return {"duty": lease.name, "provider": lease.subject}
    return {"duty": lease.name}


def _claim(limit: int, lasting: timedelta) -> list[Lease]:
    return leases.claim(limit=limit, lasting=lasting, now=clock.of_database())


def _renew(held: list[Lease], lasting: timedelta) -> None:
    leases.renew(held, lasting=lasting, now=clock.of_database())


def _finish(lease: Lease, rest: jobs.Rest) -> None:
    due_at = clock.of_database() + timedelta(seconds=rest.seconds)
    if not leases.finish(lease, due_at=due_at, cursor=rest.cursor):
        log.warning("lease_lost", duty=lease.name)


def _fail(lease: Lease, error: Exception, words: str) -> None:
    now = clock.of_database()
    leases.fail(lease, error=words, now=now)
    if isinstance(error, ProviderError) and ":" in lease.name:
        logbook.note_trouble(provider_id=lease.subject, duty=lease.kind, words=words, now=now)


def _ensure() -> None:
    leases.ensure(jobs.duties(), now=clock.of_database())


def _words(error: Exception) -> str:
    """Return what an error says, in one line, or its kind if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


async def _in(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    # What the duty has bound for its lines in the log goes along into the thread.
    run = partial(contextvars.copy_context().run, partial(_with_connection, call))
    return await asyncio.get_running_loop().run_in_executor(threads, run)


def _with_connection(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
