"""The server time of every page, of the shop and of the desk: `python -m bench pages`.

The pages are those of tests/browser/pages.py, asked for one after the other within one process:
what is measured is Django, our code and the database.  Those of the shop by a customer who has all
of the orders, those of the desk by an owner, on both databases.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from bench import stage
from bench.stage import Database

SERVICES: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """How large the panel is behind it; `own` orders are the reader's."""

    orders: int
    users: int
    own: int


DOORS: Final = {
    "shop": Door(orders=100_000, users=50, own=100_000),
    "desk": Door(orders=1_000_000, users=50_000, own=10_000),
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=__doc__)
    parser.add_argument("--door", choices=DOORS, action="append")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    told = parser.parse_args(arguments)
    slow = False
    for name in told.door or DOORS:
        for database in told.database or get_args(Database):
            slow |= _is_slow(name, DOORS[name], database)
    sys.exit(int(slow))


def _is_slow(name: str, door: Door, database: Database) -> bool:
    print(f"\n{name}, {database}: {door}, {SERVICES} services", flush=True)
    with stage.opened(
        database, orders=door.orders, users=door.users, services=SERVICES, own=door.own
    ) as shop:
        environment = shop.panel.environment | {"ALLOWED_HOSTS": "testserver"}
        command = [sys.executable, "-m", "bench.server_time", name]
        return subprocess.run(command, env=environment, check=False).returncode != 0
