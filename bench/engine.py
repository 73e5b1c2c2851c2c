"""How fast one worker sends and polls: `python -m bench.engine poll`, `… send`, or both.

Worker, simulated provider and PostgreSQL share this machine.  The database is a new one on the
server of DATABASE_URL, else on 127.0.0.1, and is dropped at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import LiteralString

from bench import house
from bench.house import House

POLLED = 100_000
ENDED = 2_000_000
SWEEPS = 3
STATUS_BATCH = 100

SENT = 9_000
CONCURRENCY = 50

# What the simulator answers for an order that it adopts.
UNCHANGED: dict[str, LiteralString] = {
    "link": "'https://example.com/' || n",
    "upstream_id": "n::text",
    "start_count": "100 + n * 7919 % 9000",
    "remains": "500",
    "cost_e8": "50000000",
    "placed_at": "now()",
}


def main(names: list[str]) -> None:
    for name in names or list(BENCHES):
        BENCHES[name]()


def poll() -> None:
    """Sweep running orders that do not change, without and with many that have ended."""
    with house.opened(poll_seconds=2) as shop:
        shop.control(adopt=True, latency={"min_ms": 5, "max_ms": 5})
        shop.copy_orders(POLLED, first=1, **UNCHANGED, status="'in_progress'")
        # The order that was copied is not one of them.
        shop.ask("UPDATE orders_order SET status = 'held' WHERE upstream_id IS NULL")
        before = shop.writes()
        alone = _sweep_seconds(shop)
        writes = shop.writes() - before
        shop.copy_orders(
            ENDED,
            first=POLLED + 1,
            **UNCHANGED
            | {"placed_at": "now() - interval '30 days'"}
            | {"status": "'completed'", "ended_at": "now() - interval '29 days'"},
        )
        shop.ask("UPDATE orders_order SET placed_at = now() WHERE status = 'in_progress'")
        shop.ask("VACUUM ANALYZE orders_order")
        crowded = _sweep_seconds(shop)
    house.keep(
        "poll",
        {
            "orders": POLLED,
            "seconds": alone,
            "rows_written": writes,
            "ended": ENDED,
            "seconds_with_ended": crowded,
            "times": crowded / alone,
        },
    )


def send() -> None:
    """Empty a queue to one provider that takes 50 ms for each order."""
    with house.opened(concurrency=CONCURRENCY) as shop:
        shop.control(latency={"min_ms": 50, "max_ms": 50})
        shop.copy_orders(SENT, first=1, link=UNCHANGED["link"], placed_at="now()", due_at="now()")
        worker = shop.panel.start("worker")
        left = "SELECT count(*) FROM orders_order WHERE status IN ('queued', 'sending')"
        # The pace of the middle: neither the start nor the last few that find no company.
        began, first = _when(lambda: shop.ask(left), below=SENT * 0.9)
        ended, last = _when(lambda: shop.ask(left), below=SENT * 0.1)
        worker.stop()
    pace = (first - last) / (ended - began)
    house.keep("send", {"orders": SENT, "in_flight": CONCURRENCY, "orders_per_second": pace})


def _sweep_seconds(shop: House) -> float:
    """Return the median time of a few sweeps by a new worker."""
    calls = POLLED // STATUS_BATCH
    before = shop.calls("status")
    worker = shop.panel.start("worker")
    seconds = []
    for sweep in range(SWEEPS):
        began, _ = _when(lambda: before - shop.calls("status"), below=-sweep * calls)
        ended, _ = _when(lambda: before - shop.calls("status"), below=1 - (sweep + 1) * calls)
        seconds.append(ended - began)
    worker.stop()
    return median(seconds)


def _when(count: Callable[[], int], *, below: float) -> tuple[float, int]:
    """Wait until a count has fallen below a number; return that moment and the count."""
    while (now := count()) >= below:
        time.sleep(0.02)
    return time.monotonic(), now


BENCHES = {"send": send, "poll": poll}

if __name__ == "__main__":
    main(sys.argv[1:])
