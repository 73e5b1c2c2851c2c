"""Habits of a worker in a fault test: its pace, its clock, and the broken twins.

A broken twin is a worker with one mistake in it that real panels make.  The test that the
right one passes has to fail with it: otherwise it proves nothing.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from django.conf import settings

from relaypanel import clock, http
from relaypanel.duties import lease as leases
from relaypanel.duties.models import Duty
from relaypanel.orders import health, matching, poll, schedules, send, states
from relaypanel.orders.models import Order, Status
from relaypanel.orders.oddities import Oddities
from relaypanel.providers import replies
from relaypanel.providers.answers import Rejected, UpstreamStatus
from relaypanel.worker import jobs, loop, sending
from relaypanel.worker.sending import Sender
from tests.faults import feeds
from tests.faults.feeds import FeedClock


def take_up(wanted: Sequence[str]) -> None:
    """Take up habits by their names, like "quick" or "skewed=3600"."""
    for habit in wanted:
        name, _, value = habit.partition("=")
        HABITS[name](value)


# -- pace and clock --


def _quick(_: str) -> None:
    """Look for work all the time, and in short turns: much happens in a short life."""
    loop.LOOK_EVERY_SECONDS = 0.02  # type: ignore[misc]
    jobs.RUN_SECONDS = 0.2  # type: ignore[misc, assignment]


def _skewed(seconds: str) -> None:
    """Have a clock that is wrong by so much."""
    skew = timedelta(seconds=float(seconds))
    clock.now = lambda: datetime.now(UTC) + skew


def _undaunted(_: str) -> None:
    """Have no breaker: go on whatever a provider says."""
    health.UNCLEAR_MAX = 10**9  # type: ignore[misc]


def _resting(seconds: str) -> None:
    """Let the breaker rest for so long only."""
    health.RESTS_SECONDS = (float(seconds),)  # type: ignore[misc, assignment]
    health.ASK_AGAIN = timedelta(seconds=float(seconds))  # type: ignore[misc]


def _nods(_: str) -> None:
    """Fall asleep once, with the intent committed and no byte written."""
    ready = sending._Flight.ready
    nodded = False

    async def nod(self: sending._Flight) -> None:
        nonlocal nodded
        await ready(self)
        if not nodded:
            nodded = True
            os.kill(os.getpid(), signal.SIGSTOP)

    sending._Flight.ready = nod  # type: ignore[method-assign]


def _lease(milliseconds: str) -> None:
    """Have duties for so long, whatever the others have them for."""
    settings.LEASE_MS = int(milliseconds)


def _only(kinds: str) -> None:
    """Do duties of these kinds alone."""
    for kind in set(jobs.JOBS) - set(kinds.split(",")):
        jobs.JOBS[kind] = _idle


async def _idle(_context: object, _lease: object) -> jobs.Rest:
    return jobs.Rest(seconds=60)


def _journal(path: str) -> None:
    """Write down when each duty begins and ends."""
    for kind, job in list(jobs.JOBS.items()):
        jobs.JOBS[kind] = _noted(job, Path(path))


def _noted(job: jobs.Job, path: Path) -> jobs.Job:
    numbers = itertools.count()

    def note(event: str, duty: str, number: int) -> None:
        with path.open("a") as file:
            file.write(f"{clock.monotonic()} {os.getpid()} {event} {duty} {number}\n")

    async def noted(context: Any, lease: Any) -> jobs.Rest:
        number = next(numbers)
        note("begin", lease.name, number)
        try:
            return await job(context, lease)
        finally:
            note("end", lease.name, number)

    return noted


# -- broken twins --


def _post_then_update(_: str) -> None:
    """Send first, and write down afterwards that it was sent."""

    async def ready() -> None:
        pass

    async def post_then_update(self: Sender, parcel: send.Parcel) -> None:
        answer = await self._client.add(service=parcel.service, fields=parcel.fields, ready=ready)
        if (await self._intend([parcel]))[0]:
            await self._record(parcel, answer)

    Sender._send = post_then_update  # type: ignore[method-assign]


def _retry(_: str) -> None:
    """Send again what had no clear answer."""

    def retry(order: Order, *, now: datetime, detail: str) -> None:
        send._requeue(order, now=now, reason="retry", detail=detail, wait=timedelta())

    send._park = retry


def _lease_back(_: str) -> None:
    """Put back into the queue what a worker that is gone had taken: the lease is all there is."""

    def give_back(*, provider_id: int, now: datetime) -> int:
        overdue = Order.objects.filter(
            provider_id=provider_id, status=Status.SENDING, sending_until__lt=now
        )
        orders = list(overdue)
        states.move_all(orders, to=Status.QUEUED, now=now, reason="lease_over", due_at=now)
        return len(orders)

    send.give_up_overdue = give_back


def _without_looking(_: str) -> None:
    """Write the first byte without a look at the clock."""
    http._Call.look = lambda _: None  # type: ignore[method-assign, assignment]


def _without_leases(_: str) -> None:
    """Do whatever is due, whoever else may be at it."""

    def claim(*, limit: int, lasting: timedelta, now: datetime) -> list[leases.Lease]:
        due = Duty.objects.filter(due_at__lte=now).order_by("due_at", "pk")[:limit]
        Duty.objects.filter(pk__in=[duty.pk for duty in due]).update(leased_until=now + lasting)
        return [
            leases.Lease(name=duty.name, token=duty.token, cursor=duty.cursor, failures=0)
            for duty in due
        ]

    leases.claim = claim


def _timeout_only(_: str) -> None:
    """Have a time-out for each read in place of a deadline, and read all that comes."""

    async def post(
        self: http.Session,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: http.Ready | None = None,
    ) -> http.Reply:
        if ready is not None:
            await ready()
        timeout = aiohttp.ClientTimeout(total=None, sock_read=deadline_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=urlencode(form).encode()) as response,
            ):
                body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise http.Unclear(type(error).__name__) from error
        return http.Reply(status=response.status, content_type="", body=body)

    http.Session.post = post  # type: ignore[method-assign]


def _scheduler(directory: str) -> None:
    """Look after drip-feeds alone, without a lease, by the clock that is in a directory."""
    loop.main = lambda: feeds.work(FeedClock(Path(directory)))


def _counter_last(_: str) -> None:
    """Make a run first, and write down afterwards that it was made."""
    schedules.look = feeds.look_with_the_counter_last


def _one_way(_: str) -> None:
    """Attach whatever fits, without asking which other order it would fit."""

    def one_way(
        *, lost: Sequence[matching.Lost], told: matching.Told, ours: Collection[int], **_: object
    ) -> dict[int, matching.Verdict]:
        candidates = {
            upstream_id: status
            for upstream_id, status in told.items()
            if isinstance(status, UpstreamStatus) and upstream_id not in ours
        }
        return {one.order_id: _first_that_fits(one, candidates) for one in lost}

    matching.verdicts = one_way


def _first_that_fits(
    lost: matching.Lost, candidates: Mapping[int, UpstreamStatus]
) -> matching.Verdict:
    for upstream_id, status in candidates.items():
        if upstream_id in lost.bracket and matching.fit(lost, status) is matching.Fit.YES:
            return matching.Found(upstream_id=upstream_id)
    return matching.Absent()


def _trusting(_: str) -> None:
    """Believe each row of a reply about statuses, whichever order it names."""
    settle = poll.settle

    def statuses(data: Any, *, ids: Sequence[str]) -> dict[str, UpstreamStatus | Rejected]:
        rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
        return {str(row["order"]): replies._status(row) for row in rows}

    def apply(
        *, orders: Sequence[Order], told: poll.Told, oddities: Oddities, now: datetime
    ) -> int:
        named = list(Order.objects.filter(upstream_id__in=told))
        return settle(orders=named, told=told, oddities=oddities, now=now)

    replies.statuses = statuses
    poll.settle = apply


HABITS: dict[str, Callable[[str], None]] = {
    "quick": _quick,
    "skewed": _skewed,
    "undaunted": _undaunted,
    "resting": _resting,
    "nods": _nods,
    "lease": _lease,
    "only": _only,
    "journal": _journal,
    "post_then_update": _post_then_update,
    "retry": _retry,
    "lease_back": _lease_back,
    "without_looking": _without_looking,
    "without_leases": _without_leases,
    "timeout_only": _timeout_only,
    "one_way": _one_way,
    "trusting": _trusting,
    "scheduler": _scheduler,
    "counter_last": _counter_last,
}
