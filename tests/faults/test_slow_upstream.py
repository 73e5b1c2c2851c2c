"""R14: providers that are slow without end or send without end, while another one works."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterable

import pytest

from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from tests import shop
from tests.faults import hostile, size
from tests.faults.ground import Ground
from tests.faults.hostile import Answer, Hostile, endless, raw

pytestmark = [pytest.mark.sockets, pytest.mark.postgresql]

ORDERS = size.of(short=300, full=4000)
# More than they can answer for all the while.
WAITING = size.of(short=200, full=2000)
# In the suite the machine does other things as well.
PACE_LEAST = size.of(short=0.5, full=0.8)
SECONDS_OF_TWIN = size.of(short=4, full=10)
DEADLINE_SECONDS = 1.0
GROWTH_BYTES_MAX = 50 * 2**20

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SPACES = b" " * 2**20


def _bomb() -> bytes:
    return gzip.compress(SPACES * 50)


ANSWERS: dict[str, Answer] = {
    "drip_body": endless(JSON + b"Content-Length: 900\r\n\r\n", b" ", seconds=0.2),
    "drip_headers": endless(JSON, b"X: y\r\n", seconds=0.2),
    "huge": raw(JSON + b"Content-Length: 104857600\r\n\r\n", *[SPACES] * 100),
    "bomb": raw(JSON + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n", _bomb()),
    "endless_chunks": endless(
        JSON + b"Transfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + SPACES[:0x10000] + b"\r\n",
    ),
    "redirect": raw(b"HTTP/1.1 307 Moved\r\nLocation: /canary\r\nContent-Length: 0\r\n\r\n"),
    "hang": hostile.hang,
    "canary": hostile.reply('{"order": 1}'),
}


class TestSlowProviders:
    def test_cost_another_one_little_and_no_memory(self, database_url: str) -> None:
        bad = ANSWERS.keys() - {"canary"}
        with Hostile(ANSWERS) as panel, Ground(database_url) as place:
            good = place.provider("good", concurrency=16, deadline_ms=5000)
            place.control(latency={"min_ms": 50, "max_ms": 50})
            worker = place.forks.worker("only=send")
            _pace(place, good, ORDERS // 5)
            quiet = _pace(place, good, ORDERS)
            before_bytes = worker.rss_bytes()
            _let_loose(place, panel, bad)
            shop.until(lambda: all(panel.seconds[name] for name in bad), what="they are asked")
            beside = _pace(place, good, ORDERS)
            growth_bytes = worker.rss_bytes(most=True) - before_bytes
            Provider.objects.exclude(pk=good.pk).update(enabled=False)
            assert worker.stop() == 0

        longest = {name: max(seconds) for name, seconds in panel.seconds.items() if seconds}
        print(  # noqa: T201
            f"\nR14 slow upstream: {sum(panel.calls.values())} calls, the longest"
            f" {max(longest.values()):.2f} s of {DEADLINE_SECONDS:.0f},"
            f" {growth_bytes / 2**20:.0f} MiB more memory, the other provider at {beside:.0f}"
            f" of {quiet:.0f} orders/s ({beside / quiet:.0%})"
        )
        assert longest.keys() == bad
        assert max(longest.values()) <= DEADLINE_SECONDS + 1
        assert growth_bytes < GROWTH_BYTES_MAX
        assert beside >= PACE_LEAST * quiet

    def test_cost_time_and_memory_where_there_is_only_a_timeout(self, database_url: str) -> None:
        names = ("drip_body", "huge", "bomb")
        with (
            Hostile({name: ANSWERS[name] for name in names}) as panel,
            Ground(database_url) as place,
        ):
            worker = place.forks.worker("only=send", "undaunted", "timeout_only")
            time.sleep(1)
            before_bytes = worker.rss_bytes()
            _let_loose(place, panel, names)
            time.sleep(SECONDS_OF_TWIN)
            # The duties of new providers are made every few seconds; then they are asked.
            shop.until(
                lambda: worker.rss_bytes(most=True) - before_bytes >= GROWTH_BYTES_MAX,
                what="its memory grows",
            )
            growth_bytes = worker.rss_bytes(most=True) - before_bytes
            ended = len(panel.seconds["drip_body"])
            worker.kill()

        print(  # noqa: T201
            f"\nR14 twin, time-out only: {ended} dripping calls ended within {SECONDS_OF_TWIN} s,"
            f" {growth_bytes / 2**20:.0f} MiB more memory"
        )
        assert ended == 0
        assert growth_bytes >= GROWTH_BYTES_MAX


def _let_loose(place: Ground, panel: Hostile, names: Iterable[str]) -> None:
    for name in sorted(names):
        provider = place.provider(
            name,
            url=f"{panel.url}/{name}",
            concurrency=4,
            deadline_ms=int(DEADLINE_SECONDS * 1000),
        )
        place.order(provider, WAITING, about=name)


def _pace(place: Ground, provider: Provider, number: int) -> float:
    """Return how many orders a second go to a provider."""
    place.order(provider, number)
    waiting = Order.objects.filter(provider=provider).exclude(status=Status.PENDING)
    shop.until(lambda: waiting.count() < number, what="it begins")
    began, left = time.monotonic(), waiting.count()
    while waiting.exists():
        time.sleep(0.02)
    return left / (time.monotonic() - began)
