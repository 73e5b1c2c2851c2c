"""R6: what kills left unclear is resolved by reading only, and nothing is resolved wrongly."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from relaypanel import clock, money
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.duties.models import Duty
from relaypanel.orders import place
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.orders.place import OrderRequest
from relaypanel.providers.models import Provider, UpstreamService
from relaypanel.simulator.panel import BALANCE_E8
from tests import shop
from tests.faults import ground, size
from tests.faults.ground import Ground

pytestmark = pytest.mark.sockets

KILLS = size.of(short=15, full=300)
KILLS_OF_TWIN = size.of(short=12, full=100)
LOOK_SECONDS = 120
CONCURRENCY = 6
LIVE_SECONDS = 0.1
DEADLINE_MS = 300
# What a sending needs to be settled, by orders/brackets.py, and a little more.
SETTLED_SECONDS = 4 * DEADLINE_MS / 1000 + 0.3

# A shop sells many sizes; one in which all orders are alike is the worst there is.
SIZES: Sequence[int] = range(100, 50_000)
ALIKE: Sequence[int] = (1_000, 2_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    unclear: int
    attached: int
    sent_again: int
    left: int
    # Attached to what upstream did for another link, sent a second time, or lost.
    wrong: int
    ids: int
    calls: int

    def __str__(self) -> str:
        return (
            f"{self.unclear} unclear, {self.attached} attached, {self.sent_again} sent again, "
            f"{self.left} left to a person, {self.wrong} wrong, {self.calls} calls "
            f"over {self.ids} IDs"
        )


class TestReconcile:
    def test_resolves_nearly_all_and_nothing_wrongly(self, database_url: str) -> None:
        began = time.monotonic()

        outcome = _reconcile(database_url, KILLS, SIZES)

        seconds = time.monotonic() - began
        print(f"\nR6 reconcile: {KILLS} kills, {outcome}, {seconds:.0f} s")  # noqa: T201
        assert outcome.wrong == 0
        # The kills met the sending, before and after upstream had taken an order.
        assert outcome.attached
        assert outcome.sent_again
        assert outcome.attached + outcome.sent_again >= 0.9 * outcome.unclear
        assert outcome.calls <= outcome.ids / 100 + 5

    @pytest.mark.skipif(not size.is_full(), reason="a few kills may leave nothing that is unclear")
    def test_leaves_to_a_person_what_looks_alike(self, database_url: str) -> None:
        outcome = _reconcile(database_url, KILLS_OF_TWIN, ALIKE)

        print(f"\nR6 orders alike: {KILLS_OF_TWIN} kills, {outcome}")  # noqa: T201
        assert outcome.wrong == 0
        assert outcome.left

    @pytest.mark.skipif(not size.is_full(), reason="a few kills may leave nothing that is unclear")
    def test_is_wrong_without_the_second_direction(self, database_url: str) -> None:
        outcome = _reconcile(database_url, KILLS_OF_TWIN, ALIKE, "one_way")

        print(f"\nR6 twin, attach what fits: {KILLS_OF_TWIN} kills, {outcome}")  # noqa: T201
        assert outcome.wrong


def _reconcile(database_url: str, kills: int, sizes: Sequence[int], *habits: str) -> Outcome:
    dice = random.Random(20261124)
    with Ground(database_url, LEASE_MS="100") as place:
        provider = _provider(place)
        # A shop that has sent nothing yet has no ID that opens a bracket.
        _order(dice, sizes, 10)
        _send_all(place)
        _order(dice, sizes, 50)
        place.control(latency={"min_ms": 5, "max_ms": 60})
        _kill(place, dice, sizes, kills)
        unclear = _unclear()
        # Later orders close the brackets, as they do in any shop that goes on.
        time.sleep(SETTLED_SECONDS)
        _order(dice, sizes, 10)
        _send_all(place)
        Provider.objects.filter(pk=provider.pk).update(brackets_ids=True, key_is_exclusive=True)
        calls = _report(place)["calls"].get("status", 0)
        with _worker(place, "reconcile", *habits):
            what = "each unclear order is looked at"
            shop.until(lambda: not _waiting_for_a_look(), what=what, seconds=LOOK_SECONDS)
        _send_all(place)
        return _outcome(place, unclear, calls)


def _provider(place: Ground) -> Provider:
    provider = place.provider("upstream", concurrency=CONCURRENCY, deadline_ms=DEADLINE_MS)
    # What the simulated panel takes, and what we have there.
    UpstreamService.objects.update(rate_e8=money.parse("0.9"))
    Provider.objects.update(poll_seconds=1, balance_e8=BALANCE_E8, balance_at=clock.now())
    return provider


def _order(dice: random.Random, sizes: Sequence[int], number: int) -> None:
    service_id = Service.objects.values_list("pk", flat=True).get()
    Service.objects.update(max=max(sizes))
    user_id = User.objects.get(username="alice").pk
    first = Order.objects.count()
    placed = place.place(
        requests=[
            OrderRequest(
                user_id=user_id,
                service_id=service_id,
                fields={
                    "link": f"https://example.com/post/{at}",
                    "quantity": str(dice.choice(sizes)),
                },
            )
            for at in range(first, first + number)
        ],
        now=clock.now(),
    )
    assert all(isinstance(order, Order) for order in placed), placed


def _kill(place: Ground, dice: random.Random, sizes: Sequence[int], kills: int) -> None:
    # The breaker would let the workers rest after each few kills.
    habits = ("quick", "undaunted", "only=send")
    for _ in range(kills):
        if ground.waiting() < 50:
            _order(dice, sizes, 100)
        worker = place.forks.worker(*habits)
        shop.until(_is_sending, what="an order is on its way")
        time.sleep(dice.uniform(0, LIVE_SECONDS))
        worker.kill()
        # Unclear as well, and not taken.
        place.control(action="add", fault="html", times=1)
    _send_all(place)


def _is_sending() -> bool:
    """Return whether an order set out a moment ago; those of the killed stay for a while."""
    fresh = clock.now() + timedelta(milliseconds=2 * DEADLINE_MS - 100)
    return Order.objects.filter(status=Status.SENDING, sending_until__gt=fresh).exists()


def _send_all(place: Ground) -> None:
    with _worker(place, "send"):
        shop.until(lambda: not ground.waiting(), what="the queue runs empty")


@contextmanager
def _worker(place: Ground, kind: str, *habits: str) -> Iterator[None]:
    # Workers that did others alone have put these duties off.
    Duty.objects.update(due_at=clock.now(), leased_until=None)
    # Nobody is to take over from it, however busy the machine is.
    worker = place.forks.worker("quick", "undaunted", "lease=10000", f"only={kind}", *habits)
    yield
    worker.kill()


def _unclear() -> set[int]:
    return set(Order.objects.filter(status=Status.UNCONFIRMED).values_list("pk", flat=True))


def _waiting_for_a_look() -> bool:
    # One that was looked at and left rests for at least half a minute.
    looked = clock.now() + timedelta(seconds=1)
    return Order.objects.filter(status=Status.UNCONFIRMED, due_at__lt=looked).exists()


def _outcome(place: Ground, unclear: set[int], calls_before: int) -> Outcome:
    report = _report(place)
    attached = OrderEvent.objects.filter(order__in=unclear, reason="attached")
    again = OrderEvent.objects.filter(order__in=unclear, reason="proved_absent")
    links = attached.values_list("order__upstream_id", "order__link")
    mistaken = sum(report["placed"].get(f"{upstream_id}") != link for upstream_id, link in links)
    tally = place.tally()
    return Outcome(
        unclear=len(unclear),
        attached=attached.count(),
        sent_again=again.count(),
        left=len(unclear & _unclear()),
        wrong=mistaken + tally.doubled + tally.lost,
        ids=report["orders"],
        calls=report["calls"].get("status", 0) - calls_before,
    )


def _report(place: Ground) -> dict[str, Any]:
    with urllib.request.urlopen(f"{place.simulator.url}/control", timeout=10) as reply:
        report: dict[str, Any] = json.load(reply)
        return report
