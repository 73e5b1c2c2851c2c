"""The server time of every page of the shop: `python -m bench pages`, on both databases.

The pages are those of tests/browser/pages.py, asked for by a customer who has all of the orders,
one after the other within one process: what is measured is Django, our code and the database.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from bench import stage

ORDERS: Final = 100_000
SERVICES: Final = 10_000
USERS: Final = 50


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    told = parser.parse_args(arguments)
    slow = False
    for database in told.database or ("sqlite", "postgresql"):
        print(f"\n{database}: {told.orders} orders of the reader, {SERVICES} services", flush=True)
        with stage.opened(
            database, orders=told.orders, users=USERS, services=SERVICES, own=told.orders
        ) as shop:
            environment = shop.panel.environment | {"ALLOWED_HOSTS": "testserver"}
            command = [sys.executable, "-m", "bench.server_time"]
            slow |= subprocess.run(command, env=environment, check=False).returncode != 0
    sys.exit(int(slow))
