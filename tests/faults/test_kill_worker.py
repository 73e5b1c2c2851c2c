"""R1: workers killed while they send.  Nothing is sent twice, nothing is lost."""

from __future__ import annotations

import random
import time

import pytest

from relaypanel.orders.models import Order, Status
from tests import shop
from tests.faults import ground, size
from tests.faults.ground import Ground, Tally

pytestmark = pytest.mark.sockets

KILLS = size.of(short=20, full=1000)
# It is killed until it has doubled enough, and no more often than that.
KILLS_OF_TWIN = size.of(short=50, full=1000)
DOUBLED_BY_TWIN = size.of(short=2, full=100)
ORDERS = size.of(short=200, full=500)
LIVE_SECONDS = (0.01, 0.1)
# A loaded machine takes longer to begin with the sending: so much longer each time, at the most
# so many times, until a kill has met it.
LONGER, KILLS_TO_MEET = 1.2, 5


class TestKilledWorkers:
    def test_double_nothing_and_lose_nothing(self, database_url: str) -> None:
        began = time.monotonic()

        tally, kills = _kill(database_url, KILLS, "quick", "only=send")

        seconds = time.monotonic() - began
        print(f"\nR1 kill worker: {kills} kills, {tally}, {seconds:.0f} s")  # noqa: T201
        assert (tally.doubled, tally.lost, tally.imagined) == (0, 0, 0)
        assert tally.orders >= ORDERS
        # The kills met the sending: otherwise this would prove nothing.
        assert 0 < tally.unclear <= kills

    def test_double_when_they_post_before_they_write(self, database_url: str) -> None:
        habits = ("quick", "only=send", "post_then_update")

        tally, kills = _kill(database_url, KILLS_OF_TWIN, *habits, doubled_enough=DOUBLED_BY_TWIN)

        print(f"\nR1 twin, POST then UPDATE: {kills} kills, {tally}")  # noqa: T201
        assert tally.doubled >= DOUBLED_BY_TWIN


def _unclear() -> bool:
    return Order.objects.filter(status=Status.UNCONFIRMED).exists()


def _kill(
    database_url: str, kills: int, *habits: str, doubled_enough: int | None = None
) -> tuple[Tally, int]:
    """Return what came of it, and how many kills there were."""
    dice, done = random.Random(20261124), 0
    with Ground(database_url, LEASE_MS="100") as place:
        # One call each, so that a kill leaves no more unclear than it met.
        providers = [
            place.provider(name, concurrency=1, deadline_ms=300) for name in ("one", "two")
        ]
        for provider in providers:
            place.order(provider, ORDERS // 2)
        place.control(latency={"min_ms": 1, "max_ms": 8})
        workers = [place.forks.worker(*habits) for _ in range(2)]
        least, most = LIVE_SECONDS
        while done < KILLS_TO_MEET * kills:
            has_met = doubled_enough or _unclear()
            if done >= kills and has_met:
                break
            most = most if has_met else min(most * LONGER, 2)
            if doubled_enough and done % 10 == 9 and place.doubled() >= doubled_enough:
                break
            time.sleep(dice.uniform(least, most))
            if ground.waiting() < ORDERS // 5:
                for provider in providers:
                    place.order(provider, ORDERS // 2)
            at = dice.randrange(2)
            workers[at].kill()
            workers[at] = place.forks.worker(*habits)
            done += 1
        shop.until(lambda: not ground.waiting(), what="the queue runs empty")
        assert [worker.stop() for worker in workers] == [0, 0]
        return place.tally(), done
