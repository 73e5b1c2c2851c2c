"""The API with many orders beside the same with few: `python -m bench growth`, on PostgreSQL.

Two panels stand side by side, equal but for their past, and are called in turns.  The large one
is filled in some minutes and takes 1.3 GB for a million orders.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import load, report, stage
from bench.report import Fact, Row, Table
from bench.stage import Stage
from tests.processes import Process

ORDERS: Final = 5_000_000
ORDERS_BEFORE: Final = 50_000
USERS: Final = 50_000
SERVICES: Final = 10_000
CONNECTIONS: Final = 16
WANTED: Final = 0.85
ACTIONS: Final = ("add", "balance", "status", "statuses", "services")
TABLES: Final = ("orders_order", "orders_orderevent", "ledger_transfer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    shop: Stage
    web: Process


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench growth", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="print only")
    told = parser.parse_args(arguments)
    with (
        report.table(
            "growth",
            keep=told.keep,
            rounds=told.rounds,
            seconds=told.seconds,
            orders=told.orders,
            orders_before=ORDERS_BEFORE,
        ) as table,
        stage.opened("postgresql", orders=ORDERS_BEFORE, users=USERS, services=SERVICES) as small,
    ):
        began = time.monotonic()
        with stage.opened(
            "postgresql", orders=told.orders, users=USERS, services=SERVICES
        ) as large:
            table.tell(Fact(what="filled in", value=time.monotonic() - began, unit="s"))
            _sizes(large, table)
            sides = [Side(shop=shop, web=shop.web()) for shop in (large, small)]
            for action in ACTIONS:
                table.add(_row(action, sides, rounds=told.rounds, seconds=told.seconds))
            began = time.monotonic()
            large.audit()
            table.tell(Fact(what="audit", value=time.monotonic() - began, unit="s"))
            small.audit()


def _row(action: str, sides: Sequence[Side], *, rounds: int, seconds: int) -> Row:
    # The first round fills the caches of both, and is not counted.
    paces = [
        [
            side.shop.calls(
                side.web.url, action, users=1_000, connections=CONNECTIONS, seconds=seconds
            )
            for side in sides
        ]
        for _ in range(rounds + 1)
    ]
    ours, reference = (load.middle(found) for found in zip(*paces[1:], strict=True))
    return Row(
        what=action,
        connections=CONNECTIONS,
        ours=ours,
        limit=f"{ORDERS_BEFORE:,} orders",
        reference=reference,
        wanted=WANTED,
    )


def _sizes(shop: Stage, table: Table) -> None:
    for name in TABLES:
        for what, function in (("rows of", "pg_relation_size"), ("indexes of", "pg_indexes_size")):
            mebibytes = shop.ask(f"SELECT {function}('{name}') / 1048576.0")
            table.tell(Fact(what=f"{what} {name}", value=float(mebibytes), unit="MiB"))


if __name__ == "__main__":
    main(sys.argv[1:])
