"""A filled panel on a new database, and its web server."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import psycopg

from bench import house, load
from bench.load import Pace, Spoiled
from tests.processes import LonePanel, Panel, Process

Database = Literal["postgresql", "sqlite"]
# The lone caller of a load, and the many.
CALLERS: Final = (1, 1_000)
FILL_SECONDS: Final = 3_600
AUDIT_SECONDS: Final = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    panel: Panel
    database: Database
    database_url: str
    folder: Path

    @property
    def file(self) -> str:
        """Where SQLite keeps the database."""
        return self.database_url.removeprefix("sqlite:///")

    def web(self, workers: int = 2) -> Process:
        return self.panel.start("web", "--workers", str(workers))

    def callers(self, users: int) -> Path:
        return self.folder / f"callers-{users}"

    def ask(self, statement: str) -> Any:
        """Return the first value of the first row."""
        if self.database == "sqlite":
            connection = sqlite3.connect(self.file)
            row = connection.execute(statement).fetchone()
            connection.close()
            return row[0]
        with psycopg.connect(self.database_url) as session:
            found = session.execute(statement.encode()).fetchone()
            assert found is not None
            return found[0]

    def calls(
        self,
        url: str,
        action: str,
        *,
        users: int,
        connections: int,
        seconds: float,
        path: str = "/api/v2",
    ) -> Pace:
        """Put load on the API.  Raises Spoiled unless each order that it tells of was placed."""
        last = self.ask("SELECT COALESCE(max(id), 0) FROM orders_order")
        pace = load.calls(
            f"{url}{path}",
            action=action,
            callers=self.callers(users),
            connections=connections,
            seconds=seconds,
        )
        if action == "add":
            placed = self._placed_after(last)
            # wrk hangs up at its end, and does not hear of what was on its way.
            if not pace.done <= placed <= pace.done + connections:
                raise Spoiled(f"{pace.done} orders were acknowledged and {placed} are there")
        return pace

    def _placed_after(self, last: int) -> int:
        """Return how many orders came after this one, when nothing is on its way any longer."""
        placed = -1
        while (now := self.ask(f"SELECT count(*) FROM orders_order WHERE id > {last}")) != placed:
            placed = now
            time.sleep(0.2)
        return placed

    def audit(self) -> None:
        """Prove the books.  Raises Spoiled when they differ."""
        done = subprocess.run(
            [sys.executable, "-m", "relaypanel", "audit"],
            env=self.panel.environment,
            capture_output=True,
            text=True,
            timeout=AUDIT_SECONDS,
            check=False,
        )
        if done.returncode != 0 or "The books agree." not in done.stdout:
            raise Spoiled(f"audit: {done.stdout}{done.stderr}")


@contextmanager
def opened(
    database: Database, *, orders: int, users: int, services: int, own: int = 0
) -> Iterator[Stage]:
    """Yield a filled panel that nobody serves yet; its database is dropped afterwards.

    `own` of the orders are the first user's alone.
    """
    with TemporaryDirectory(prefix="relaypanel-bench-") as name, _database(database, name) as url:
        folder = Path(name)
        with LonePanel(
            database_url=url, LOG_LEVEL="WARNING", STATE_DIR=name, API_CALLS_PER_MINUTE="0"
        ) as panel:
            panel.run("migrate", "--verbosity", "0")
            subprocess.run(
                [
                    *(sys.executable, "-m", "bench.fill", f"--orders={orders}", f"--users={users}"),
                    *(f"--services={services}", f"--callers={max(CALLERS)}"),
                    f"--orders-of-one-user={own}",
                    f"--save={folder / 'saved'}",
                ],
                env=panel.environment,
                stdout=subprocess.DEVNULL,
                timeout=FILL_SECONDS,
                check=True,
            )
            lines = (folder / "saved").read_text().splitlines(keepends=True)
            stage = Stage(panel=panel, database=database, database_url=url, folder=folder)
            for count in CALLERS:
                stage.callers(count).write_text("".join(lines[: count + 1]))
            yield stage


@contextmanager
def _database(database: Database, folder: str) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/relaypanel.sqlite3"
    else:
        with house.database() as url:
            yield url
