"""The API under load beside what the machine can do: `python -m bench panel`.

Each figure of ours is taken in turns with its limits, so that whatever else the machine does
meets both.  All answers are looked at, and the books are proved after each load that wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from bench import load, machine, orders, report, servers, stage
from bench.load import Pace, Spoiled
from bench.report import Fact, Row, Table
from bench.stage import Database, Stage
from tests.processes import Process

ORDERS: Final = 50_000
USERS: Final = 1_000
SERVICES: Final = 10_000
CONNECTIONS: Final = (2, 16, 64)
# What is only good to know is measured with so many.
USUAL: Final = 16
PGBENCH_CLIENTS_MAX: Final = 16
PRICE_CHANGES: Final = 5
# More than the processes, so that each of them is asked after a change of price.
FIRST_CALLS: Final = 8
MIXED_SECONDS_MAX: Final = 150


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """Each figure is the median of `rounds`, of so many seconds each."""

    rounds: int
    seconds: int
    mixed_calls: int = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What a figure stands beside.

    `measure` takes a number of connections; `wanted` tells the ratio to reach by that number, and
    is empty for what is good to know.
    """

    name: str
    measure: Callable[[int], Pace]
    wanted: Mapping[int, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    shop: Stage
    web: Process
    bare_url: str
    # The file that holds the reply to `services`, and where nginx serves it; None: no nginx.
    listed: Path
    nginx_url: str | None
    effort: Effort
    table: Table

    def compare(self, what: str, ours: Callable[[int], Pace], limits: Sequence[Limit]) -> None:
        """Add rows for each number of connections: ours beside every limit."""
        for measure in (ours, *(limit.measure for limit in limits)):
            measure(USUAL)
        for connections in CONNECTIONS:
            beside = [each for each in limits if each.wanted or connections == USUAL]
            measures = [ours, *(limit.measure for limit in beside)]
            rounds = [
                [measure(connections) for measure in measures] for _ in range(self.effort.rounds)
            ]
            mine, *references = [load.middle(paces) for paces in zip(*rounds, strict=True)]
            for limit, reference in zip(beside, references, strict=True):
                row = Row(
                    what=what,
                    connections=connections,
                    ours=mine,
                    limit=limit.name,
                    reference=reference,
                    wanted=limit.wanted.get(connections),
                )
                self.table.add(row)

    def api(self, action: str, *, users: int = USERS) -> Callable[[int], Pace]:
        return lambda connections: self.shop.calls(
            self.web.url, action, users=users, connections=connections, seconds=self.effort.seconds
        )

    def beside(self, url: str, action: str) -> Callable[[int], Pace]:
        """Return what puts the same load on another server, which answers likewise."""
        return lambda connections: load.calls(
            url,
            action=action,
            callers=self.shop.callers(USERS),
            connections=connections,
            seconds=self.effort.seconds,
        )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench panel", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, nothing is kept")
    parser.add_argument("--database", choices=get_args(Database), action="append")
    parser.add_argument("--only", choices=list(SECTIONS), action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    told = parser.parse_args(arguments)
    effort = Effort(rounds=told.rounds, seconds=told.seconds)
    if told.quick:
        effort = Effort(rounds=1, seconds=1, mixed_calls=5_000)
    for database in told.database or get_args(Database):
        measure(database, effort=effort, only=told.only, keep=not told.quick and not told.only)


def measure(database: Database, *, effort: Effort, only: Sequence[str], keep: bool) -> None:
    """Print the table of one database, and keep it."""
    with report.table(
        f"panel-{database}",
        keep=keep,
        rounds=effort.rounds,
        seconds=effort.seconds,
        orders=ORDERS,
        services=SERVICES,
    ) as table:
        if "wrk" in machine.missing():
            table.leave_out("every figure", "wrk")
            return
        with (
            stage.opened(database, orders=ORDERS, users=USERS, services=SERVICES) as shop,
            _bench(shop, effort, table) as bench,
        ):
            for name in only or SECTIONS:
                SECTIONS[name](bench)


@contextmanager
def _bench(shop: Stage, effort: Effort, table: Table) -> Iterator[Bench]:
    """Start the panel and the servers that it stands beside."""
    web = shop.web()
    listed = shop.folder / "served" / "services"
    listed.parent.mkdir()
    listed.write_bytes(_price_list(shop, web))
    with ExitStack() as stack:
        bare_url = stack.enter_context(servers.bare(database_url=shop.database_url, file=listed))
        nginx_url = None
        if "nginx" in machine.missing():
            table.leave_out("services beside nginx", "nginx")
        else:
            nginx_url = stack.enter_context(servers.nginx(file=listed))
        yield Bench(
            shop=shop,
            web=web,
            bare_url=bare_url,
            listed=listed,
            nginx_url=nginx_url,
            effort=effort,
            table=table,
        )


def _add(bench: Bench) -> None:
    if bench.shop.database == "sqlite":
        orders.prepare_sqlite(bench.shop.file, users=USERS)
    elif "pgbench" in machine.missing():
        bench.table.leave_out("add", "pgbench")
        return
    else:
        orders.prepare_postgresql(bench.shop.database_url, users=USERS)
    for users in (USERS, 1):
        ours = bench.api("add", users=users)
        bench.compare(_bought_by(users, "add"), ours, _one_order(bench, users))
        bench.shop.audit()


def _one_order(bench: Bench, users: int) -> list[Limit]:
    """Return what a database does for an order at least, one commit each."""
    shop, seconds = bench.shop, bench.effort.seconds
    if shop.database == "sqlite":

        def written(writers: int) -> Pace:
            return orders.on_sqlite(shop.file, users=users, writers=writers, seconds=seconds)

        return [
            Limit(name="one commit an order", measure=lambda _: written(1), wanted={16: 3.0}),
            Limit(name="the same by as many writers", measure=written, wanted={}),
        ]

    def transacted(how: Callable[..., Pace]) -> Callable[[int], Pace]:
        return lambda connections: how(
            shop.database_url,
            users=users,
            clients=min(connections, PGBENCH_CLIENTS_MAX),
            seconds=seconds,
        )

    return [
        Limit(
            name=_bought_by(users, "pgbench"),
            measure=transacted(orders.on_postgresql),
            wanted={16: 2.0, 64: 2.0} if users == 1 else {16: 1.0},
        ),
        Limit(
            name=_bought_by(users, "pgbench on our tables"),
            measure=transacted(orders.on_own_tables),
            wanted={},
        ),
        Limit(
            name=_bought_by(users, "a bare till"),
            measure=bench.beside(f"{bench.bare_url}/order?tables=least&users={users}", "add"),
            wanted={},
        ),
        Limit(
            name=_bought_by(users, "a bare till on our tables"),
            measure=lambda connections: shop.calls(
                bench.bare_url,
                "add",
                users=users,
                connections=connections,
                seconds=seconds,
                path=f"/order?tables=own&users={users}",
            ),
            wanted={},
        ),
    ]


def _bought_by(users: int, what: str) -> str:
    return f"{what}, 1 user" if users == 1 else f"{what}, {users:,} users"


def _balance(bench: Bench) -> None:
    row = Limit(
        name="WSGI, one row",
        measure=bench.beside(f"{bench.bare_url}/one", "status"),
        wanted=dict.fromkeys(CONNECTIONS, 0.8),
    )
    nothing = Limit(
        name="WSGI, fixed bytes",
        measure=bench.beside(f"{bench.bare_url}/balance", "balance"),
        wanted={},
    )
    bench.compare("balance", bench.api("balance"), [row, nothing])


def _status(bench: Bench) -> None:
    row = Limit(
        name="WSGI, one row",
        measure=bench.beside(f"{bench.bare_url}/one", "status"),
        wanted=dict.fromkeys(CONNECTIONS, 0.8),
    )
    bench.compare("status", bench.api("status"), [row])


def _statuses(bench: Bench) -> None:
    rows = Limit(
        name="WSGI, 100 rows",
        measure=bench.beside(f"{bench.bare_url}/hundred", "statuses"),
        wanted=dict.fromkeys(CONNECTIONS, 0.7),
    )
    bench.compare("status of 100", bench.api("statuses"), [rows])


def _services(bench: Bench) -> None:
    limits = [
        Limit(
            name="WSGI, same bytes",
            measure=bench.beside(f"{bench.bare_url}/services", "services"),
            wanted=dict.fromkeys(CONNECTIONS, 0.8),
        )
    ]
    if bench.nginx_url:
        sent = bench.beside(f"{bench.nginx_url}/services", "services")
        limits.append(Limit(name="nginx, same bytes", measure=sent, wanted={}))
    bench.compare("services", bench.api("services"), limits)


def _first_services(bench: Bench) -> None:
    """Change a price several times, and take the time of the calls that follow."""
    milliseconds = []
    service = json.loads(bench.listed.read_bytes())[0]["service"]
    for change in range(PRICE_CHANGES):
        rate = f"{900 + change}.5"
        bench.shop.panel.run("catalogue", "set", str(service), "--rate", rate)
        for _ in range(FIRST_CALLS):
            began = time.perf_counter()
            told = _price_list(bench.shop, bench.web)
            milliseconds.append((time.perf_counter() - began) * 1000)
            rates = {row["service"]: row["rate"] for row in json.loads(told)}
            if rates[service] != rate:
                raise Spoiled(f"{rates[service]} is told of a service that costs {rate}")
    bench.table.tell(
        Fact(
            what=f"services, the slowest of {FIRST_CALLS} calls after each of {PRICE_CHANGES}"
            " price changes",
            value=max(milliseconds),
            unit="ms",
            below=250,
        )
    )


def _memory(bench: Bench) -> None:
    """Call all sorts of things, and look at the largest web process on the way."""
    calls, mebibytes = 0, []
    deadline = time.monotonic() + MIXED_SECONDS_MAX
    while calls < bench.effort.mixed_calls and time.monotonic() < deadline:
        calls += bench.shop.calls(
            bench.web.url, "mixed", users=USERS, connections=16, seconds=5
        ).done
        mebibytes.append(max(_children_mebibytes(bench.web.pid)))
    bench.shop.audit()
    name = f"memory of a web process after {calls:,} mixed calls"
    bench.table.tell(Fact(what=name, value=mebibytes[-1], unit="MiB", below=150))
    half = mebibytes[len(mebibytes) // 2]
    grown = "what it grew by in the second half of them"
    bench.table.tell(Fact(what=grown, value=mebibytes[-1] - half, unit="MiB"))


def _children_mebibytes(pid: int) -> list[float]:
    """Return what each child of a process holds in memory, shared libraries included."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    return [count * os.sysconf("SC_PAGE_SIZE") / 2**20 for count in pages]


def _price_list(shop: Stage, web: Process) -> bytes:
    """Return the reply to `services`, by a connection of its own."""
    key = shop.callers(1).read_text().splitlines()[1].split()[0]
    form = urllib.parse.urlencode({"key": key, "action": "services"}).encode()
    with urllib.request.urlopen(f"{web.url}/api/v2", form, timeout=30) as reply:
        body: bytes = reply.read()
    return body


SECTIONS: Final[Mapping[str, Callable[[Bench], None]]] = {
    "add": _add,
    "balance": _balance,
    "status": _status,
    "statuses": _statuses,
    "services": _services,
    "first_services": _first_services,
    "memory": _memory,
}

if __name__ == "__main__":
    main(sys.argv[1:])
