"""R4: web processes killed while they take orders.  Each order has its debit, and the reverse."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from relaypanel import clock
from relaypanel.accounts import keys
from relaypanel.ledger.models import Code, Transfer
from relaypanel.orders.models import Order
from tests import cast, family
from tests.faults import size
from tests.orders import scene
from tests.processes import Panel
from tests.shop import Reseller

pytestmark = pytest.mark.sockets

KILLS = size.of(short=8, full=300)
# It is killed until it has given one away, and no more often than that.
KILLS_OF_TWIN = size.of(short=30, full=100)
CLIENTS = 8
# A process that dies right after its start would be taken for one that cannot start at all, so
# there are several, and never the youngest is killed.
PROCESSES = 3
LIVE_SECONDS = (0.2, 0.6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    orders: int
    acknowledged: int
    # Acknowledged, and not there.
    missing: int
    # Orders without their debit, and debits without their order.
    unpaid: int

    def __str__(self) -> str:
        return (
            f"{self.orders} orders, {self.acknowledged} acknowledged,"
            f" {self.missing} missing, {self.unpaid} without their debit"
        )


class TestKilledWeb:
    def test_loses_no_acknowledged_order_and_no_money(self, database_url: str) -> None:
        began = time.monotonic()

        tally = _kill(database_url, KILLS)

        seconds = time.monotonic() - began
        print(f"\nR4 kill web: {KILLS} kills, {CLIENTS} clients, {tally}, {seconds:.0f} s")  # noqa: T201
        assert (tally.missing, tally.unpaid) == (0, 0)
        assert tally.acknowledged > KILLS
        assert scene.books_agree()

    def test_gives_orders_away_with_two_transactions(self, database_url: str) -> None:
        twin = {"DJANGO_SETTINGS_MODULE": "tests.faults.two_transactions"}

        tally = _kill(database_url, KILLS_OF_TWIN, until_unpaid=True, **twin)

        print(f"\nR4 twin, two transactions: at most {KILLS_OF_TWIN} kills, {tally}")  # noqa: T201
        assert tally.unpaid > 0


def _kill(database_url: str, kills: int, *, until_unpaid: bool = False, **settings: str) -> Tally:
    dice = random.Random(20261124)
    key = keys.issue(cast.alice(balance="1000000").user, now=clock.now())
    service = cast.service(rate="0.9")
    secrets = {name: os.environ[name] for name in ("SECRET_KEY", "FIELD_KEYS")}
    with Panel(database_url=database_url, LOG_LEVEL="CRITICAL", **secrets, **settings) as panel:
        web = panel.start("web", "--workers", str(PROCESSES))
        clients = Clients(Reseller(web.url, key), service.pk)
        with clients:
            old = family.until(lambda: _all_alive(web.pid))
            for _ in range(kills):
                enough = len(clients.acknowledged) + CLIENTS
                time.sleep(dice.uniform(*LIVE_SECONDS))
                # A kill is to meet processes that take orders: on a slow machine they start slowly.
                family.until(lambda: len(clients.acknowledged) >= enough)  # noqa: B023
                alive = family.until(lambda: _all_alive(web.pid))
                victim = dice.choice(sorted(alive & old))
                os.kill(victim, signal.SIGKILL)
                old = alive - {victim}
                if until_unpaid and len(_unpaid()) > CLIENTS:
                    break
        assert family.until(lambda: family.listens(web.url))
    orders = set(Order.objects.values_list("pk", flat=True))
    return Tally(
        orders=len(orders),
        acknowledged=len(clients.acknowledged),
        missing=len(clients.acknowledged - orders),
        unpaid=len(_unpaid()),
    )


def _unpaid() -> set[str]:
    debits = Transfer.objects.filter(code=Code.ORDER_CHARGE).values_list("key", flat=True)
    orders = Order.objects.values_list("pk", flat=True)
    return {f"order:{order}:charge" for order in orders} ^ set(debits)


def _all_alive(pid: int) -> set[int]:
    children = family.descendants(pid)
    return children if len(children) == PROCESSES else set()


class Clients:
    """Buyers who go on whatever happens, and note what was acknowledged."""

    def __init__(self, reseller: Reseller, service_id: int) -> None:
        self._reseller, self._service_id = reseller, service_id
        self._stop = threading.Event()
        self.acknowledged: set[int] = set()

    def __enter__(self) -> None:
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running = [self._pool.submit(self._buy, number) for number in range(CLIENTS)]

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()

    def _buy(self, client: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            link = f"https://example.com/{client}/{number}"
            try:
                order = self._reseller.add(service=self._service_id, link=link, quantity=10)
            except urllib.error.HTTPError:
                raise
            except (OSError, http.client.HTTPException):
                # Cut off by a kill: nobody was told anything.
                self._stop.wait(0.02)
            else:
                self.acknowledged.add(order)
