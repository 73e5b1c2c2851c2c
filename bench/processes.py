"""What more processes bring: `python -m bench processes`, on PostgreSQL.

One, two and four web processes are called by 16 connections each; one, two and four workers
send to four providers, each of which answers after 5 ms.  All of them, PostgreSQL, the load and
the simulated providers share this machine, so that its cores are told beside each figure.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import house, load, report, stage
from bench.house import House
from bench.load import Pace
from bench.report import Fact, Row, Table
from bench.stage import Stage
from tests.processes import Process

COUNTS: Final = (1, 2, 4)
ACTIONS: Final = ("add", "balance", "status")
CONNECTIONS_EACH: Final = 16
PROVIDERS: Final = 4
LATENCY_MS: Final = 5
IN_FLIGHT: Final = 50
QUEUED: Final = 8_000
SETTLE_SECONDS: Final = 4


@dataclass(kw_only=True, slots=True)
class Cores:
    """How many cores were at work: of some processes and their children, and of the machine."""

    ours: float = 0
    all: float = 0


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench processes", description=__doc__)
    parser.add_argument("--only", choices=list(KINDS), action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="print only")
    told = parser.parse_args(arguments)
    for kind in told.only or KINDS:
        with report.table(
            f"processes-{kind}", keep=told.keep, rounds=told.rounds, seconds=told.seconds
        ) as table:
            KINDS[kind](table, told.rounds, told.seconds)


def web(table: Table, rounds: int, seconds: int) -> None:
    """Call one, two and four web processes."""
    with stage.opened("postgresql", orders=50_000, users=1_000, services=100) as shop:
        for action in ACTIONS:
            runs = [[_web(shop, action, n, seconds) for n in COUNTS] for _ in range(rounds)]
            paces = [load.middle([run[0] for run in found]) for found in zip(*runs, strict=True)]
            for count, pace, found in zip(COUNTS, paces, zip(*runs, strict=True), strict=True):
                row = Row(
                    what=f"{action}, {count} web",
                    connections=CONNECTIONS_EACH * count,
                    ours=pace,
                    limit="1 web",
                    reference=paces[0],
                )
                table.add(row)
                _tell_cores(table, f"{action}, {count} web", [run[1] for run in found])
        shop.audit()


def workers(table: Table, rounds: int, _seconds: int) -> None:
    """Let one, two and four workers empty the queues of four providers."""
    with house.opened(concurrency=IN_FLIGHT) as shop:
        _open_providers(shop)
        runs = [[_sent(shop, count) for count in COUNTS] for _ in range(rounds)]
        for count, found in zip(COUNTS, zip(*runs, strict=True), strict=True):
            what = f"{count} workers"
            pace = median(run[0] for run in found)
            table.tell(Fact(what=f"sent by {what}", value=pace, unit="orders/s"))
            _tell_cores(table, what, [run[1] for run in found])


def _web(shop: Stage, action: str, count: int, seconds: int) -> tuple[Pace, Cores]:
    server = shop.web(count)
    connections = CONNECTIONS_EACH * count
    shop.calls(server.url, action, users=1_000, connections=connections, seconds=1)
    with _cores([server]) as cores:
        pace = shop.calls(server.url, action, users=1_000, connections=connections, seconds=seconds)
    server.stop()
    return pace, cores


def _open_providers(shop: House) -> None:
    """Add providers until there are enough, each of them a simulator of its own."""
    for number in range(2, PROVIDERS + 1):
        simulator = shop.panel.simulator("--speed", "0.01")
        name = f"upstream-{number}"
        shop.panel.run(
            *("provider", "add", name, f"{simulator.url}/api/v2", "--key-stdin"), stdin="any-key\n"
        )
        House(panel=shop.panel, simulator=simulator, url=shop.url).control(
            latency={"min_ms": LATENCY_MS, "max_ms": LATENCY_MS}
        )
    shop.control(latency={"min_ms": LATENCY_MS, "max_ms": LATENCY_MS})
    # The order that is copied stays as it is.
    shop.ask("UPDATE orders_order SET status = 'held'")
    shop.ask("UPDATE providers_provider SET poll_seconds = 86400, concurrency = %s", IN_FLIGHT)


def _sent(shop: House, count: int) -> tuple[float, Cores]:
    """Return how many orders a second left the queues, and what that took."""
    started = [shop.panel.start("worker") for _ in range(count)]
    # With nothing to do, duties go from worker to worker; one that starts alone takes them all.
    time.sleep(SETTLE_SECONDS)
    last = int(shop.ask("SELECT max(id) FROM orders_order"))
    shop.copy_orders(
        QUEUED,
        first=last + 1,
        provider_id="(SELECT id FROM providers_provider ORDER BY id LIMIT 1 OFFSET n % 4)",
        status="'queued'",
        link="'https://example.com/' || n",
        placed_at="now()",
        due_at="now()",
    )
    # The pace of the middle: neither the start nor the last few that find no company.
    _wait_until(shop, left=QUEUED * 9 // 10)
    began, first = time.monotonic(), _left(shop)
    with _cores(started) as cores:
        _wait_until(shop, left=QUEUED // 10)
    pace = (first - _left(shop)) / (time.monotonic() - began)
    _wait_until(shop, left=0)
    for worker in started:
        worker.stop()
    return pace, cores


def _wait_until(shop: House, *, left: int) -> None:
    while _left(shop) > left:
        time.sleep(0.02)


def _left(shop: House) -> int:
    left: int = shop.ask("SELECT count(*) FROM orders_order WHERE status IN ('queued', 'sending')")
    return left


def _tell_cores(table: Table, what: str, found: Sequence[Cores]) -> None:
    ours = median(cores.ours for cores in found)
    whole = median(cores.all for cores in found)
    table.tell(Fact(what=f"{what}: cores at work for them", value=ours, unit="cores"))
    table.tell(
        Fact(what=f"{what}: cores at work at all, of {os.cpu_count()}", value=whole, unit="cores")
    )


@contextmanager
def _cores(processes: Sequence[Process]) -> Iterator[Cores]:
    """Yield what is filled in at the end of the block."""
    cores = Cores()
    began, ours, whole = time.monotonic(), _cpu_seconds(processes), _machine_seconds()
    yield cores
    took = time.monotonic() - began
    cores.ours = (_cpu_seconds(processes) - ours) / took
    cores.all = (_machine_seconds() - whole) / took


def _cpu_seconds(processes: Sequence[Process]) -> float:
    ticks = 0
    for process in processes:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (str(process.pid), *children):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # utime and stime, the 14th and 15th of proc(5).
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _machine_seconds() -> float:
    """Return the seconds that all cores together were not idle."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


KINDS: Final = {"web": web, "workers": workers}

if __name__ == "__main__":
    main(sys.argv[1:])
