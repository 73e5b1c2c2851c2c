"""R17: a name of the caller's buys once, though connections break and threads hurry."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection
from msgspec.structs import replace

from relaypanel.orders import place, till
from relaypanel.orders.models import Order
from tests import cast, databases, shop
from tests.api_v2.client import call
from tests.hostile.size import of, tell
from tests.processes import Panel

CALLS, NAMES, THREADS = of(short=200, full=1_000), of(short=20, full=50), 20


def request(url: str, fields: dict[str, str]) -> tuple[str, int, bytes]:
    parts, body = urlsplit(url), urlencode(fields).encode()
    head = (
        f"POST /api/v2 HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port, head.encode() + body


def ask(url: str, fields: dict[str, str], *, cut: bool) -> bytes | None:
    """Return the body of the reply; None: the line was cut once all was sent."""
    host, port, sent = request(url, fields)
    with socket.create_connection((host, port), timeout=60) as line:
        line.sendall(sent)
        if cut:
            return None
        reply = b"".join(iter(lambda: line.recv(65_536), b""))
    return reply.partition(b"\r\n\r\n")[2]


@pytest.mark.sockets
class TestNames:
    def test_buy_once_over_lines_that_break(
        self, panel_database: Callable[..., str], engine: databases.Engine, tmp_path: Path
    ) -> None:
        with Panel(database_url=panel_database()) as panel:
            key = json.loads(panel.run("demo", "--json"))["customer"]["api_key"]
            web = panel.start("web", "--workers", "2")
            services = shop.Reseller(web.url, key).ask("services")
            service = next(row for row in services if row["type"] == "Default")
            fields = {"key": key, "action": "add", "service": str(service["service"])}
            fields |= {"quantity": str(service["min"])}
            dice = random.Random(17)
            plan = [(number % NAMES, dice.random() < 0.3) for number in range(CALLS)]

            def buy(item: tuple[int, bool]) -> tuple[int, bytes | None]:
                number, cut = item
                named = {"client_ref": f"ref-{number}", "link": f"https://example.com/{number}"}
                return number, ask(web.url, fields | named, cut=cut)

            with ThreadPoolExecutor(THREADS) as pool:
                answers = [answer for answer in pool.map(buy, plan) if answer[1] is not None]

            bodies: dict[int, set[bytes | None]] = {}
            for number, body in answers:
                bodies.setdefault(number, set()).add(body)
            other = ask(
                web.url,
                fields | {"client_ref": "ref-0", "link": "https://example.com/other"},
                cut=False,
            )
            orders = len({body for found in bodies.values() for body in found})
            uneven = sum(len(found) != 1 for found in bodies.values())
            tell(
                f"R17 idempotency: {CALLS} calls, {CALLS - len(answers)} cut, {NAMES} names:"
                f" {orders} orders, names with unequal answers {uneven}"
            )
            assert (orders, uneven) == (NAMES, 0)
            assert all(str(found).startswith('{b\'{"order":') for found in bodies.values())
            assert other == b'{"error":"This client_ref was used for another order"}'
            assert "The books agree." in panel.run("audit")


@pytest.mark.django_db(transaction=True)
class TestTwin:
    def test_that_looks_before_it_inserts_buys_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        both = threading.Barrier(2, timeout=30)

        def naive(request: place.OrderRequest, *, now: datetime) -> int:
            known = Order.objects.filter(client_ref=request.client_ref).first()
            both.wait()
            if known is not None:
                return known.pk
            [verdict] = place.place(requests=[replace(request, client_ref=None)], now=now)
            assert isinstance(verdict, Order)
            return verdict.pk

        monkeypatch.setattr(till, "pay", naive)
        alice, service = cast.alice(balance="10"), cast.service(rate="0.9")

        def buy(_: int) -> bytes:
            try:
                return call(
                    key=alice.api_key,
                    action="add",
                    service=service.pk,
                    link="https://example.com/a",
                    quantity=100,
                    client_ref="once",
                )
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            answers = Counter(pool.map(buy, range(2)))

        tell(f"R17 twin, looks before it inserts: {Order.objects.count()} orders by one name")
        assert Order.objects.count() == 2
        assert len(answers) == 2
