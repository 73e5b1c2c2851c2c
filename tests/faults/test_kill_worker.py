"""Workers killed while they send: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import shop
from tests.processes import Panel
from tests.shop import Reseller

ORDERS = 500
KILLS = 50
# In flight at once, and so the most that one kill can leave unclear.
CONCURRENCY = 4

STATUSES = """
import json
from relaypanel.orders.models import Order
print(json.dumps(list(Order.objects.values_list("link", "status"))))
"""
CONCURRENT = """
from relaypanel.providers.models import Provider
Provider.objects.update(concurrency={concurrency}, deadline_ms=300)
"""


@pytest.mark.sockets
def test_fifty_kills_double_nothing_and_lose_nothing(panel_database: Callable[..., str]) -> None:
    with Panel(database_url=panel_database(), LEASE_MS="150", LOG_LEVEL="ERROR") as panel:
        simulator = panel.simulator("--speed", "0.01")
        shop.open_shop(panel, upstream_url=simulator.url, upstream_key="any-key")
        panel.run("shell", "--no-imports", "-c", CONCURRENT.format(concurrency=CONCURRENCY))
        client = Reseller(panel.start("web").url, shop.enrol(panel, "alice", deposit="10000"))
        links = _place(client)
        _control(simulator.url, {"latency": {"min_ms": 5, "max_ms": 60}})

        _kill_workers(panel)
        survivor = panel.start("worker")
        shop.until(lambda: not _waiting(panel), what="the queue runs empty")
        survivor.stop()

        accepted = Counter(_report(simulator.url)["accepted"])
        statuses = dict(json.loads(panel.run("shell", "--no-imports", "-c", STATUSES)))
        unclear = {link for link, status in statuses.items() if status == "unconfirmed"}
        assert [link for link in links if accepted[link] > 1] == []
        assert [link for link in links if not accepted[link] and link not in unclear] == []
        assert len(unclear) <= KILLS * CONCURRENCY
        # The kills met the sending: otherwise this would prove nothing.
        assert unclear
        assert "The books agree." in panel.run("audit")


def _place(client: Reseller) -> list[str]:
    service = client.service("TikTok Tim")["service"]
    links = [f"https://example.com/post/{number}" for number in range(ORDERS)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda link: client.add(service=service, link=link, quantity=10), links))
    return links


def _kill_workers(panel: Panel) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.forks", str(KILLS), "20261124"],
        env=panel.environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout.strip() == f"killed {KILLS}", done.stdout + done.stderr


def _waiting(panel: Panel) -> bool:
    statuses = json.loads(panel.run("shell", "--no-imports", "-c", STATUSES))
    return any(status in ("queued", "sending") for _, status in statuses)


def _control(url: str, order: dict[str, object]) -> None:
    body = json.dumps(order).encode()
    urllib.request.urlopen(f"{url}/control", body, timeout=10).close()


def _report(url: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"{url}/control", timeout=10) as reply:
        report: dict[str, dict[str, int]] = json.load(reply)
        return report
