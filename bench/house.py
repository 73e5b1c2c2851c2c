"""Where a bench lives: a new database, one provider simulated, and orders made by the million."""

from __future__ import annotations

import json
import os
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench import machine
from tests import shop
from tests.processes import LonePanel, Panel, Process

RESULTS = Path(__file__).resolve().parent / "results"
SERVER = "postgresql://127.0.0.1:5432/postgres"


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    panel: Panel
    simulator: Process
    url: str

    def control(self, **order: object) -> None:
        body = json.dumps(order).encode()
        urllib.request.urlopen(f"{self.simulator.url}/control", body, timeout=10).close()

    def calls(self, action: str) -> int:
        """Return how many calls of `action` the simulator has had."""
        with urllib.request.urlopen(f"{self.simulator.url}/control", timeout=10) as reply:
            return int(json.load(reply)["calls"].get(action, 0))

    def ask(self, statement: LiteralString, *values: object) -> Any:
        """Run one statement and return the first value of its first row, if it has one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]

    def copy_orders(self, orders: int, *, first: int, **columns: LiteralString) -> None:
        """Make copies of the first order, `n` from `first` on; `columns` are SQL expressions."""
        with psycopg.connect(self.url) as connection:
            # Foreign keys need no look for each of a million copies of a row that has them.
            connection.execute("SET session_replication_role = replica")
            names = [
                str(row[0])
                for row in connection.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = 'orders_order' AND column_name <> 'id'"
                )
            ]
            connection.execute(
                sql.SQL(
                    "INSERT INTO orders_order ({names}) SELECT {values} FROM orders_order AS it,"
                    " generate_series({first}::bigint, {last}::bigint) AS n"
                    " WHERE it.id = (SELECT min(id) FROM orders_order)"
                ).format(
                    names=sql.SQL(", ").join(map(sql.Identifier, names)),
                    values=sql.SQL(", ").join(
                        sql.SQL(columns[name]) if name in columns else sql.Identifier("it", name)
                        for name in names
                    ),
                    first=sql.Literal(first),
                    last=sql.Literal(first + orders - 1),
                )
            )
        self.ask("VACUUM ANALYZE orders_order")

    def writes(self) -> int:
        """Return how many rows of orders and their events were ever written."""
        return int(
            self.ask(
                "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
                " WHERE relname IN ('orders_order', 'orders_orderevent')"
            )
        )


@contextmanager
def opened(*, poll_seconds: int = 86_400, concurrency: int = 16) -> Iterator[House]:
    """Yield a panel without workers that has one order, and drop its database afterwards."""
    with (
        database() as url,
        TemporaryDirectory() as folder,
        LonePanel(database_url=url, LOG_LEVEL="WARNING", STATE_DIR=folder) as panel,
    ):
        panel.run("migrate", "--verbosity", "0")
        simulator = panel.simulator("--speed", "0.01")
        shop.open_shop(panel, upstream_url=simulator.url, upstream_key="any-key")
        web = panel.start("web")
        client = shop.Reseller(web.url, shop.enrol(panel, "alice", deposit="10000"))
        service = client.service("TikTok Tim")["service"]
        client.add(service=service, link="https://example.com/first", quantity=1000)
        # What it wrote is counted by the database at its end, and not amid the bench.
        web.stop()
        house = House(panel=panel, simulator=simulator, url=url)
        house.ask(
            "UPDATE providers_provider SET poll_seconds = %s, concurrency = %s",
            poll_seconds,
            concurrency,
        )
        yield house


def keep(name: str, figures: dict[str, object]) -> None:
    """Print figures as one row of a table, and write them to bench/results."""
    figures = {"bench": name, **figures, "load": os.getloadavg()[0], "cores": os.cpu_count()}
    RESULTS.mkdir(exist_ok=True)
    kept = figures | {"machine": machine.facts()}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n")
    cells = (
        f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}"
        for key, value in figures.items()
    )
    print("| " + " | ".join(cells) + " |", flush=True)


@contextmanager
def database() -> Iterator[str]:
    """Yield the address of a new database on the server, which is dropped afterwards."""
    told = os.environ.get("DATABASE_URL", "")
    server = told if told.startswith("postgres") else SERVER
    name = f"relaypanel_bench_{secrets.token_hex(4)}"
    _run(server, "CREATE DATABASE {}", name)
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _run(server, "DROP DATABASE {} WITH (FORCE)", name)


def _run(server: str, statement: LiteralString, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
