"""R13: the database is restarted at once, as after a power cut.  What was acknowledged stays."""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests import postgresql, shop
from tests.faults import size
from tests.processes import Panel
from tests.shop import Reseller

pytestmark = [pytest.mark.sockets, pytest.mark.postgresql]

RESTARTS = size.of(short=1, full=5)
RESTARTS_OF_TWIN = size.of(short=1, full=5)
BETWEEN_SECONDS = size.of(short=1, full=5)
CLIENTS = 8
BACK_SECONDS_MAX = 10
# Eight buyers leave ten thousand orders behind, which a worker or two on the same cores then send.
SENT_WITHIN_SECONDS = size.of(short=60, full=300)

# A commit is on the disk before it is acknowledged; the twin lets it lie in memory.
DURABLE = "-c fsync=on -c synchronous_commit=on"
OPEN_SHOP = """
from relaypanel import demo
print(demo.prepare(simulator_url="{url}/api/v2"))
"""
LOOSE = (
    "-c fsync=on -c synchronous_commit=off -c wal_writer_delay=10s -c wal_writer_flush_after=1GB"
)


class TestRestartedDatabase:
    def test_loses_and_doubles_nothing(self) -> None:
        outcome = _restart(RESTARTS, DURABLE, workers=2)

        print(f"\nR13 database restart: {RESTARTS} restarts, {outcome}")  # noqa: T201
        assert (outcome.lost, outcome.doubled, outcome.unsent) == (0, 0, 0)
        assert outcome.acknowledged > 50
        assert outcome.back_seconds < BACK_SECONDS_MAX
        assert "The books agree." in outcome.audit

    @pytest.mark.skipif(not size.is_full(), reason="one restart may find the disk up to date")
    def test_loses_orders_when_it_acknowledges_before_the_disk_has_them(self) -> None:
        # No worker: it would notice that the database went back, and refuse to go on.
        outcome = _restart(RESTARTS_OF_TWIN, LOOSE, workers=0)

        print(f"\nR13 twin, no wait for the disk: {RESTARTS_OF_TWIN} restarts, {outcome}")  # noqa: T201
        assert outcome.lost > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    acknowledged: int
    # Acknowledged, and not there.
    lost: int
    # Sent more than once.
    doubled: int
    # There, and neither sent nor kept for a person to look at.
    unsent: int
    # The longest time without an acknowledgement.
    back_seconds: float
    audit: str = field(repr=False)

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.lost} lost, {self.doubled} doubled,"
            f" {self.unsent} unsent, back within {self.back_seconds:.1f} s"
        )


def _restart(restarts: int, options: str, *, workers: int) -> Outcome:
    with _server(options) as server, Panel(database_url=f"{server.url}/panel") as panel:
        panel.environment["LOG_LEVEL"] = "CRITICAL"
        panel.run("migrate", "--verbosity=0")
        simulator = panel.simulator("--speed", "0.0001")
        key = panel.run("shell", "--no-imports", "-c", OPEN_SHOP.format(url=simulator.url)).strip()
        client = Reseller(panel.start("web").url, key)
        service = client.service("TikTok Tim")["service"]
        for _ in range(workers):
            panel.start("worker")
        with postgresql.connect(f"{server.url}/panel") as connection:
            # What was there before is not what this is about.
            connection.execute("CHECKPOINT")
        with _buyers(client, service) as acknowledged:
            for _ in range(restarts):
                time.sleep(BETWEEN_SECONDS)
                server.crash()
            time.sleep(BETWEEN_SECONDS)
        if workers:
            shop.until(
                lambda: not _waiting(_standing(server)),
                what="all orders are sent",
                seconds=SENT_WITHIN_SECONDS,
            )
        return _outcome(panel, simulator.url, acknowledged, _standing(server))


@contextmanager
def _server(options: str) -> Iterator[postgresql.Server]:
    with tempfile.TemporaryDirectory(prefix="relaypanel-r13-") as folder:
        server = postgresql.own(Path(folder), options=options)
        try:
            with postgresql.connect(f"{server.url}/postgres") as connection:
                connection.execute("CREATE DATABASE panel TEMPLATE template0 ENCODING 'UTF8'")
            yield server
        finally:
            server.stop()


@contextmanager
def _buyers(client: Reseller, service: int) -> Iterator[dict[int, float]]:
    """Let clients buy, and yield each order that was acknowledged, with the moment."""
    stop = threading.Event()
    acknowledged: dict[int, float] = {}
    refusals: set[int] = set()

    def buy(buyer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            link = f"https://example.com/{buyer}/{number}"
            try:
                order = client.add(service=service, link=link, quantity=10)
            except urllib.error.HTTPError as error:
                error.close()
                refusals.add(error.code)
                stop.wait(0.05)
            else:
                acknowledged[order] = time.monotonic()

    with ThreadPoolExecutor(CLIENTS) as pool:
        buyers = [pool.submit(buy, number) for number in range(CLIENTS)]
        try:
            yield acknowledged
        finally:
            stop.set()
    for buyer in buyers:
        buyer.result()
    # Nothing but a plain "later" while the database is away.
    assert refusals <= {503}


def _standing(server: postgresql.Server) -> dict[int, tuple[str, str]]:
    """Return the link and the status of each order."""
    with postgresql.connect(f"{server.url}/panel") as connection:
        rows = connection.execute("SELECT id, link, status FROM orders_order").fetchall()
    return {order: (link, status) for order, link, status in rows}


def _waiting(standing: dict[int, tuple[str, str]]) -> bool:
    return any(status in ("queued", "sending") for _, status in standing.values())


def _outcome(
    panel: Panel,
    simulator_url: str,
    acknowledged: dict[int, float],
    standing: dict[int, tuple[str, str]],
) -> Outcome:
    with urllib.request.urlopen(f"{simulator_url}/control", timeout=10) as reply:
        accepted = Counter(json.load(reply)["accepted"])
    return Outcome(
        acknowledged=len(acknowledged),
        lost=len(acknowledged.keys() - standing.keys()),
        doubled=sum(number > 1 for number in accepted.values()),
        unsent=sum(
            not accepted[link] and status != "unconfirmed" for link, status in standing.values()
        ),
        back_seconds=max(
            later - earlier for earlier, later in pairwise(sorted(acknowledged.values()))
        ),
        audit=panel.run("audit"),
    )
