"""R7: workers that sleep past their lease and wake up, with clocks that are wrong.

While one sleeps, what it left unclear and what never arrived is proved absent and sent again
by the other: whatever the sleeper still believes when it wakes must come to nothing.
"""

from __future__ import annotations

import random
import signal
import time
from datetime import timedelta

import pytest
from django.db.models import F

from relaypanel import clock
from relaypanel.orders import states
from relaypanel.orders.models import Order, OrderEvent, Status
from tests import shop
from tests.faults import ground, size
from tests.faults.ground import Ground, Tally

pytestmark = [pytest.mark.sockets, pytest.mark.postgresql]

PAUSES = size.of(short=4, full=60)
# It pauses until it has doubled enough, and no more often than that.
PAUSES_OF_TWIN = size.of(short=6, full=30)
DOUBLED_BY_TWIN = size.of(short=3, full=11)
DEADLINE_MS = 250
LEASE_MS = 150
# Longer than the lease and than twice the deadline, after which its orders are given up.
SLEEP_SECONDS = 0.75
CLOCKS = ("skewed=3600", "skewed=-3600")
ORDERS = size.of(short=300, full=1000)


class TestSleepingWorkers:
    def test_double_nothing_and_write_nothing_stale(self, database_url: str) -> None:
        began = time.monotonic()

        tally, proved = _pause(database_url, PAUSES, twin="quick")

        seconds, stale = time.monotonic() - began, _stale()
        print(  # noqa: T201
            f"\nR7 zombie + skew: {PAUSES} pauses, {tally}, {stale} stale writes,"
            f" {proved} proved absent and sent again, {seconds:.0f} s"
        )
        assert (tally.doubled, tally.lost, tally.imagined, stale) == (0, 0, 0, 0)
        # The pauses met the sending.
        assert tally.unclear

    def test_double_when_a_lease_gives_orders_back(self, database_url: str) -> None:
        tally, _ = _pause(
            database_url, PAUSES_OF_TWIN, twin="lease_back", doubled_enough=DOUBLED_BY_TWIN
        )

        print(  # noqa: T201
            f"\nR7 twin, lease back to queue: at most {PAUSES_OF_TWIN} pauses, {tally}"
        )
        assert tally.doubled >= DOUBLED_BY_TWIN


class TestSleepBetweenIntentAndFirstByte:
    def test_doubles_nothing(self, database_url: str) -> None:
        tally, proved = _nod(database_url, "quick")

        print(f"\nR7 sleep before the first byte: {tally}, {proved} sent by another")  # noqa: T201
        assert (tally.doubled, tally.lost, tally.imagined) == (0, 0, 0)
        assert proved

    def test_doubles_when_nobody_looks_at_the_clock(self, database_url: str) -> None:
        tally, proved = _nod(database_url, "without_looking")

        print(f"\nR7 twin, no look at the clock: {tally}")  # noqa: T201
        assert tally.doubled == proved > 0


def _nod(database_url: str, habit: str) -> tuple[Tally, int]:
    with Ground(database_url, LEASE_MS=str(LEASE_MS)) as place:
        place.order(place.provider("one", concurrency=8, deadline_ms=DEADLINE_MS), 8)
        sleeper = place.forks.worker("quick", "only=send", "nods", habit)
        shop.until(sleeper.is_stopped, what="it falls asleep")
        other = place.forks.worker("quick", "only=send")
        shop.until(lambda: not ground.waiting(), what="its orders are given up")
        time.sleep(2 * DEADLINE_MS / 1000)
        proved = _prove_absent(place)
        shop.until(lambda: not ground.waiting(), what="the other sends them")
        sleeper.signal(signal.SIGCONT)
        assert [sleeper.stop(), other.stop()] == [0, 0]
        return place.tally(), proved


def _pause(
    database_url: str, pauses: int, *, twin: str, doubled_enough: int | None = None
) -> tuple[Tally, int]:
    dice = random.Random(20261124)
    proved = 0
    with Ground(database_url, LEASE_MS=str(LEASE_MS)) as place:
        providers = [
            place.provider(name, concurrency=8, deadline_ms=DEADLINE_MS) for name in ("one", "two")
        ]
        place.control(latency={"min_ms": 20, "max_ms": 150})
        habits = ("quick", "only=send", "undaunted", twin)
        workers = [place.forks.worker(*habits, clock) for clock in CLOCKS]
        for number in range(pauses):
            if doubled_enough and place.doubled() >= doubled_enough:
                break
            if ground.waiting() < ORDERS // 2:
                for provider in providers:
                    place.order(provider, ORDERS // 2)
            time.sleep(dice.uniform(0.05, 0.2))
            # In turn: what the last one held, this one has by now.
            sleeper = workers[number % 2]
            sleeper.signal(signal.SIGSTOP)
            time.sleep(SLEEP_SECONDS)
            proved += _prove_absent(place)
            time.sleep(dice.uniform(0.05, 0.15))
            sleeper.signal(signal.SIGCONT)
        shop.until(lambda: not ground.waiting(), what="the queue runs empty")
        assert [worker.stop() for worker in workers] == [0, 0]
        return place.tally(), proved


def _prove_absent(place: Ground) -> int:
    """Put back into the queue what nobody is sending any more and the panel never took."""
    # Once more the deadline, for what may still lie unread at the panel.
    over = clock.of_database() - timedelta(milliseconds=DEADLINE_MS)
    unclear = list(Order.objects.filter(status=Status.UNCONFIRMED, sending_until__lt=over))
    accepted = place.accepted()
    absent = [order for order in unclear if not accepted[order.link]]
    for order in absent:
        states.move(
            order,
            to=Status.QUEUED,
            now=clock.of_database(),
            reason="proved_absent",
            sending_until=None,
            token=F("token") + 1,
        )
    return len(absent)


def _stale() -> int:
    """Return how many orders went on after their provider had taken them."""
    last = dict(OrderEvent.objects.order_by("pk").values_list("order", "reason"))
    taken = Order.objects.filter(status=Status.PENDING).values_list("pk", flat=True)
    return sum(last[order_id] != "accepted" for order_id in taken)
