"""R19: a provider whose answers lack, repeat, spoil and add rows, and whose calls fail for one."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from tests import shop
from tests.faults import size
from tests.faults.ground import Ground

pytestmark = pytest.mark.sockets

ORDERS = size.of(short=600, full=10_000)
# The broken twin goes wrong at once.
TRUSTED = 300
SWEEP_SECONDS = 30
# The simulator leaves out, repeats and spoils the rows of IDs that end so.
MUDDLED = ("3", "7", "9")
# One in each hundred, of which nothing was told either while the rows were muddled.
POISON = "53"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How the orders of one provider stand: by what is told, or by what is of another order."""

    told: int
    untold: int
    wrong: int


class TestHostileAnswers:
    def test_reach_the_orders_they_are_about_and_no_other(self, database_url: str) -> None:
        with Ground(database_url) as place:
            ours, others = _providers(place, ORDERS)
            place.control(fault="muddled", action="status")
            began = time.monotonic()
            worker = place.forks.worker("only=poll,poll_old,poll_ended")
            readable = ORDERS - _ending_in(*MUDDLED)
            shop.until(lambda: _look(ours).told >= readable, what="readable rows are applied")
            seconds = time.monotonic() - began
            muddled = _look(ours)
            place.control(clear=True)
            place.control(fault="poison", words=POISON, action="status")
            poison = _ending_in(POISON)
            shop.until(lambda: _look(ours).told >= ORDERS - poison, what="the others are applied")
            assert worker.stop() == 0
        after, foreign = _look(ours), _look(others)

        print(  # noqa: T201
            f"\npolling: {ORDERS} orders swept in {seconds:.1f} s, {muddled.untold} of unreadable"
            f" rows, then {after.untold} of poisoned calls, wrong {after.wrong + foreign.wrong}"
        )
        assert muddled == Standing(told=readable, untold=ORDERS - readable, wrong=0)
        assert after == Standing(told=ORDERS - poison, untold=poison, wrong=0)
        # Another provider has orders under the same IDs, and says that it does not know them.
        assert foreign == Standing(told=0, untold=ORDERS // 10, wrong=0)
        assert seconds < SWEEP_SECONDS

    def test_reach_others_where_returned_ids_are_trusted(self, database_url: str) -> None:
        with Ground(database_url) as place:
            ours, others = _providers(place, TRUSTED)
            place.control(fault="muddled", action="status")
            worker = place.forks.worker("only=poll,poll_old,poll_ended", "trusting")
            shop.until(lambda: _look(ours).wrong > 0, what="answers reach other orders")
            shop.until(lambda: _look(others).wrong > 0, what="and those of another provider")
            worker.kill()


def _providers(place: Ground, orders: int) -> tuple[Provider, Provider]:
    """Return two providers that work on orders of the same IDs; the second has forgotten them."""
    ours = place.provider("ours", poll_seconds=1)
    elsewhere = place.forks.simulator()
    others = place.provider("others", url=f"{elsewhere.url}/api/v2", poll_seconds=1)
    for provider, number in ((ours, orders), (others, orders // 10)):
        place.order(provider, number, about=provider.name)
        placed = list(Order.objects.filter(provider=provider).order_by("pk"))
        for upstream_id, order in enumerate(placed, 1):
            order.status, order.upstream_id = Status.PENDING, str(upstream_id)
        Order.objects.bulk_update(placed, ["status", "upstream_id"], batch_size=500)
    place.control(adopt=True, latency={"min_ms": 5, "max_ms": 5})
    return ours, others


def _ending_in(*digits: str) -> int:
    return sum(str(upstream_id).endswith(digits) for upstream_id in range(1, ORDERS + 1))


def _look(provider: Provider) -> Standing:
    rows = Order.objects.filter(provider=provider).values_list(
        "upstream_id", "status", "start_count"
    )
    untold = told = wrong = 0
    for upstream_id, status, start_count in rows:
        # What the simulator says of each ID it adopts: no two neighbours have the same.
        own = 100 + int(upstream_id or 0) * 7919 % 9000
        if (status, start_count) == (Status.PENDING, None):
            untold += 1
        elif (status, start_count) == (Status.IN_PROGRESS, own) and provider.name == "ours":
            told += 1
        else:
            wrong += 1
    return Standing(told=told, untold=untold, wrong=wrong)
