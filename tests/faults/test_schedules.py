"""R18: two schedulers of drip-feeds, killed at random, while their clock jumps by a day."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.db.models import CharField, Sum
from django.db.models.functions import Cast

from relaypanel import money
from relaypanel.orders import schedules
from relaypanel.orders.models import DripFeed, FeedState, Order, Status
from tests import shop
from tests.faults import feeds, size
from tests.faults.feeds import FeedClock
from tests.faults.forks import Forks
from tests.orders import scene
from tests.processes import Panel

pytestmark = pytest.mark.sockets

FEEDS = size.of(short=24, full=100)
RUNS = size.of(short=4, full=10)
KILLS = size.of(short=24, full=100)
# Placed beside them, to be stopped on the way.
STOPPED = FEEDS // 4
INTERVAL = timedelta(minutes=1)
PRICE = "0.1"
LIVE_SECONDS = (0.04, 0.14)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    runs: int
    # Beyond the number that was ordered.
    too_many: int
    missing: int
    # Made sooner after the one before than the interval is long.
    inside: int
    # Of those that were stopped: the runs they made, and the unrun ones that were refunded.
    made: int
    refunded: int
    jumps: int


class TestKilledSchedulers:
    def test_make_every_run_once_and_none_too_early(
        self, database_url: str, tmp_path: Path
    ) -> None:
        began = time.monotonic()

        tally = _feed(database_url, tmp_path, f"scheduler={tmp_path}")

        seconds = time.monotonic() - began
        print(f"\nR18 schedules: {KILLS} kills, {tally}, {seconds:.0f} s")  # noqa: T201
        assert tally.runs == FEEDS * RUNS
        assert (tally.too_many, tally.missing, tally.inside) == (0, 0, 0)
        # Some were stopped on the way: otherwise this would prove nothing.
        assert STOPPED <= tally.made < STOPPED * RUNS
        assert tally.refunded == STOPPED * RUNS - tally.made
        assert tally.jumps > 0
        assert scene.balance() == money.text(money.parse("1000") - _price(tally.runs + tally.made))

    def test_make_too_many_when_they_count_afterwards(
        self, database_url: str, tmp_path: Path
    ) -> None:
        tally = _feed(database_url, tmp_path, f"scheduler={tmp_path}", "counter_last")

        print(f"\nR18 twin, counter after the run: {KILLS} kills, {tally}")  # noqa: T201
        # Each is what the right ones never do; a few kills may bring about one of the two alone.
        assert tally.too_many + tally.inside > 0


def _feed(database_url: str, directory: Path, *habits: str) -> Tally:
    dice = random.Random(20261124)
    service = scene.relayed(dripfeed=True, rate=PRICE)
    parents = [scene.placed(service, runs=str(RUNS), interval="1") for _ in range(FEEDS + STOPPED)]
    to_stop = parents[FEEDS:]
    clock = FeedClock(directory)
    jumps = 0
    with (
        Panel(database_url=database_url, LOG_LEVEL="CRITICAL") as panel,
        Forks(panel.environment) as forks,
    ):
        schedulers = [forks.worker(*habits) for _ in range(2)]
        for kill in range(1, KILLS + 1):
            _take(seconds=dice.uniform(*LIVE_SECONDS))
            at = dice.randrange(2)
            schedulers[at].kill()
            schedulers[at] = forks.worker(*habits)
            if kill % 4 == 0:
                jumps += clock.jump(dice.choice((-1, 0, 1)))
            if kill % (KILLS // 4) == 0:
                for parent in to_stop[kill * 4 // KILLS - 1 :: 4]:
                    schedules.stop(parent, now=clock.now())
        shop.until(_all_are_made, what="all runs are made", seconds=120)
        for scheduler in schedulers:
            scheduler.kill()
    _end(parents, clock)
    return _tally(parents[:FEEDS], to_stop, jumps=jumps)


def _take(*, seconds: float) -> None:
    """Let the provider take what is queued, for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        waiting = Order.objects.filter(parent__isnull=False, status=Status.QUEUED)
        waiting.update(status=Status.PENDING, upstream_id=Cast("pk", CharField()))
        time.sleep(0.01)


def _all_are_made() -> bool:
    _take(seconds=0.1)
    return not DripFeed.objects.filter(state=FeedState.GOING).exists()


def _end(parents: Sequence[Order], clock: FeedClock) -> None:
    now = clock.now()
    Order.objects.filter(parent__in=parents).update(
        status=Status.COMPLETED, remains=0, ended_at=now
    )
    while schedules.close_ended(now=now):
        pass
    assert not DripFeed.objects.exclude(state=FeedState.ENDED).exists()
    assert scene.books_agree()


def _tally(whole: Sequence[Order], stopped: Sequence[Order], *, jumps: int) -> Tally:
    numbers = [len(scene.runs(parent)) for parent in whole]
    given_back = Order.objects.filter(pk__in=[parent.pk for parent in stopped])
    refunded_e8 = given_back.aggregate(sum=Sum("refunded_e8"))["sum"]
    return Tally(
        runs=sum(numbers),
        too_many=sum(max(number - RUNS, 0) for number in numbers),
        missing=sum(max(RUNS - number, 0) for number in numbers),
        inside=sum(_inside(parent) for parent in (*whole, *stopped)),
        made=sum(len(scene.runs(parent)) for parent in stopped),
        refunded=refunded_e8 // _price(1),
        jumps=jumps,
    )


def _inside(parent: Order) -> int:
    moments = [feeds.true_time(run.placed_at) for run in scene.runs(parent)]
    return sum(later - earlier < INTERVAL for earlier, later in pairwise(moments))


def _price(runs: int) -> int:
    return money.parse(PRICE) * runs
