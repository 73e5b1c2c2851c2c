"""Two workers on one database: they share the duties, and one takes over what the other leaves."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import shop
from tests.faults import ground, size
from tests.faults.forks import Worker
from tests.faults.ground import Ground

pytestmark = [pytest.mark.sockets, pytest.mark.postgresql]

PROVIDERS = 6
ORDERS = size.of(short=600, full=6000)
ROUNDS = size.of(short=2, full=20)
# In the suite the machine does other things as well, and a worker must get to renewing its own.
LEASE_MS = size.of(short=1500, full=500)
# Between the end of a lease and the next look: a machine under load is slow.
SLACK_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One time that a worker did a duty; `end` is None for one that was killed."""

    duty: str
    pid: int
    begin: float
    end: float | None


class TestTwoWorkers:
    def test_share_the_duties_and_take_over_within_the_lease(
        self, database_url: str, tmp_path: Path
    ) -> None:
        dice, journal = random.Random(20261124), tmp_path / "journal"
        killed: dict[int, float] = {}
        with Ground(database_url, LEASE_MS=str(LEASE_MS)) as place:
            for number in range(PROVIDERS):
                provider = place.provider(f"number {number}", concurrency=4, deadline_ms=1000)
                place.order(provider, ORDERS // PROVIDERS)
            place.control(latency={"min_ms": 5, "max_ms": 50})
            habits = ("quick", "only=send,poll,ask,schedules", f"journal={journal}")
            workers = [place.forks.worker(*habits) for _ in range(2)]
            for _ in range(ROUNDS):
                time.sleep(dice.uniform(0.3, 0.6))
                victim = _busy(workers, journal)
                killed[victim.pid] = time.monotonic()
                victim.kill()
                workers = [it for it in workers if it is not victim]
                workers.append(place.forks.worker(*habits))
            shop.until(lambda: not ground.waiting(), what="the queue runs empty", seconds=240)
            assert [worker.stop() for worker in workers] == [0, 0]
            tally = place.tally()
        turns = _turns(journal)

        late = _taken_over_after(turns, killed)
        overlapping = _overlapping(turns, killed)
        shares = {pid: len({it.duty for it in turns if it.pid == pid}) for pid in killed}
        print(  # noqa: T201
            f"\ntwo workers: {len(turns)} turns of {len({it.duty for it in turns})} duties,"
            f" {len(overlapping)} at once, {len(late)} left by {ROUNDS} kills and taken over after"
            f" {max(late):.2f} s at most with a lease of {LEASE_MS} ms, {tally}"
        )
        assert (tally.doubled, tally.lost, tally.imagined) == (0, 0, 0)
        assert overlapping == []
        assert max(late) <= LEASE_MS / 1000 + SLACK_SECONDS
        # Each of them had duties of its own: both work.
        assert all(shares.values())
        assert {it.pid for it in turns} >= {worker.pid for worker in workers}

    def test_do_one_duty_at_once_where_there_are_no_leases(
        self, database_url: str, tmp_path: Path
    ) -> None:
        journal = tmp_path / "journal"
        with Ground(database_url, LEASE_MS=str(LEASE_MS)) as place:
            place.order(place.provider("one", concurrency=4, deadline_ms=1000), 40)
            place.control(latency={"min_ms": 50, "max_ms": 50})
            habits = ("quick", "only=send", f"journal={journal}", "without_leases")
            workers = [place.forks.worker(*habits) for _ in range(2)]
            shop.until(lambda: not ground.waiting(), what="the queue runs empty")
            assert [worker.stop() for worker in workers] == [0, 0]
        overlapping = _overlapping(_turns(journal), {})

        print(f"\ntwo workers, twin without leases: {len(overlapping)} at once")  # noqa: T201
        assert overlapping


def _busy(workers: list[Worker], journal: Path) -> Worker:
    """Return the worker that has a duty in hand, once there is one."""

    def with_open_turns() -> list[Worker]:
        busy = {it.pid for it in _turns(journal) if it.end is None and it.duty.startswith("send")}
        return [worker for worker in workers if worker.pid in busy]

    shop.until(lambda: bool(with_open_turns()), what="one of them works")
    return with_open_turns()[0]


def _turns(journal: Path) -> list[Turn]:
    turns: list[Turn] = []
    open_turns: dict[tuple[str, str, str], float] = {}
    rows = journal.read_text().splitlines() if journal.exists() else []
    for row in rows:
        moment, pid, event, duty, number = row.split(" ")
        if event == "begin":
            open_turns[pid, duty, number] = float(moment)
        else:
            begin = open_turns.pop((pid, duty, number))
            turns.append(Turn(duty=duty, pid=int(pid), begin=begin, end=float(moment)))
    left = [
        Turn(duty=duty, pid=int(pid), begin=begin, end=None)
        for (pid, duty, _), begin in open_turns.items()
    ]
    return sorted(turns + left, key=lambda turn: turn.begin)


def _overlapping(turns: list[Turn], killed: dict[int, float]) -> list[tuple[Turn, Turn]]:
    by_duty = defaultdict(list)
    for turn in turns:
        by_duty[turn.duty].append(turn)
    return [
        (first, second)
        for of_one in by_duty.values()
        for first, second in itertools.pairwise(of_one)
        if second.begin < (killed[first.pid] if first.end is None else first.end)
    ]


def _taken_over_after(turns: list[Turn], killed: dict[int, float]) -> list[float]:
    """Return how long each duty lay idle whose worker was killed at it."""
    return [
        min(it.begin for it in turns if it.duty == left.duty and it.begin > left.begin)
        - killed[left.pid]
        for left in turns
        if left.end is None
    ]
