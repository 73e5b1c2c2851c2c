"""R24: the database goes back in time.  What was sent since the backup is not sent again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from tests import family, shop
from tests.faults import backup, ground, size
from tests.faults.ground import Ground

pytestmark = pytest.mark.sockets

ORDERS = size.of(short=100, full=1500)


class TestRestoredDatabase:
    def test_sends_nothing_again(self, database_url: str) -> None:
        with Ground(database_url) as place:
            links = _go_back(place, database_url)
            forgotten = _forgotten()

            line = family.refusal("worker", environment=place.panel.environment)
            assert line.endswith("run `relaypanel restored`, so that nothing is sent twice")
            said = place.panel.run("restored")
            [new] = _send_on(place)

            accepted = place.accepted()
            twice = sum(accepted[link] > 1 for link in links)
            held = Order.objects.filter(status__in=(Status.HELD, Status.UNCONFIRMED)).count()
            figures = f"{len(links)} sent, {forgotten} forgotten, {held} held, {twice} twice"
            print(f"\nR24 restore: {figures}")  # noqa: T201
            assert twice == 0
            assert accepted[new] == 1
            assert held == forgotten > 0
            assert "orders that waited are held now" in said
            assert "The books agree." in place.panel.run("audit")

    def test_sends_again_without_a_memory_of_its_own(self, database_url: str) -> None:
        with Ground(database_url) as place:
            links = _go_back(place, database_url)
            forgotten = _forgotten()

            shutil.rmtree(Path(place.panel.environment["STATE_DIR"]))
            _send_on(place)

            accepted = place.accepted()
            twice = sum(accepted[link] > 1 for link in links)
            print(f"\nR24 twin, no memory outside: {forgotten} forgotten, {twice} twice")  # noqa: T201
            # All but what was in flight when the backup was taken.
            assert twice > forgotten // 2 > 0


def _go_back(place: Ground, database_url: str) -> list[str]:
    """Send orders, restore the backup that was taken amidst them, and return their links."""
    provider = place.provider("upstream", concurrency=4, deadline_ms=1000)
    links = place.order(provider, ORDERS)
    place.control(latency={"min_ms": 1, "max_ms": 5})
    worker = place.forks.worker("quick", "only=send,poll")
    family.until(lambda: place.accepted().total() > ORDERS // 10)
    copy = backup.take(database_url)
    shop.until(lambda: not ground.waiting(), what="all are sent")
    assert place.accepted() == dict.fromkeys(links, 1)
    assert worker.stop() == 0
    backup.restore(copy, database_url)
    return links


def _forgotten() -> int:
    """Return how many orders do not know that they were sent."""
    return Order.objects.exclude(status=Status.PENDING).count()


def _send_on(place: Ground) -> list[str]:
    """Let a worker start and send a new order, and whatever else it would send."""
    [provider_id] = Order.objects.order_by().values_list("provider", flat=True).distinct()
    assert provider_id is not None
    new = place.order(Provider.objects.get(pk=provider_id), 1)
    worker = place.forks.worker("quick", "only=send,poll")
    shop.until(lambda: not ground.waiting(), what="all that waits is sent")
    assert worker.stop() == 0
    return new
