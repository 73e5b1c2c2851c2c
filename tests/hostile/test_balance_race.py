"""R2: fifty threads spend one balance: it is sold to its last cent, and not further."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection

from relaypanel import money
from relaypanel.catalogue.models import Service
from relaypanel.ledger import book, chart
from relaypanel.ledger.audit import prove as prove_ledger
from relaypanel.ledger.models import Account, Code, Transfer
from relaypanel.orders import audit, place, till
from relaypanel.orders.models import Order
from tests import cast
from tests.api_v2.client import call
from tests.hostile.size import tell

THREADS, EACH = 50, 20
COVERED = 100

SHORT = b'{"error":"Not enough funds on balance"}'


def storm(*, threads: int = THREADS, each: int = EACH) -> Counter[str]:
    """Let every thread buy again and again, and count the kinds of answers."""
    alice = cast.alice(balance=str(COVERED))
    service = cast.service(rate="10", min=100, max=100)
    start = threading.Barrier(threads, timeout=60)

    def shop(number: int) -> Counter[str]:
        start.wait()
        try:
            return Counter(_buy(alice.api_key, service, f"{number}/{n}") for n in range(each))
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(shop, range(threads)), Counter())


def _buy(key: str, service: Service, link: str) -> str:
    reply = call(
        key=key,
        action="add",
        service=service.pk,
        link=f"https://example.com/{link}",
        quantity=100,
    )
    if reply.startswith(b'{"order":'):
        return "order"
    return "short" if reply == SHORT else reply.decode()


def balance_e8() -> int | None:
    return Account.objects.get(user__username="alice").balance_e8


@pytest.mark.xdist_group("many_connections")
@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_sells_exactly_what_the_balance_covers(self) -> None:
        answers = storm()

        orders, left_e8 = Order.objects.count(), balance_e8()
        tell(f"R2 balance race: {THREADS * EACH} calls, {orders} orders, balance {left_e8}")
        assert answers == {"order": COVERED, "short": THREADS * EACH - COVERED}
        assert Order.objects.count() == COVERED
        assert Transfer.objects.filter(code=Code.ORDER_CHARGE).count() == COVERED
        assert balance_e8() == 0
        assert prove_ledger() + audit.prove() == []

    def test_catches_a_check_that_trusts_what_it_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The naive twin: it reads the balance, finds it good, and writes what is left."""
        both_have_read = threading.Barrier(2, timeout=20)

        def naive(request: place.OrderRequest, *, now: datetime) -> int:
            left_e8 = book.balance(request.user_id) - money.ONE_E8
            both_have_read.wait()
            if left_e8 < 0:
                raise book.NotEnoughFunds(user_id=request.user_id, balance_e8=0, change_e8=-1)
            account = Account.objects.filter(pk=chart.customer(request.user_id))
            account.update(balance_e8=left_e8)
            return 1

        monkeypatch.setattr(till, "pay", naive)

        answers = storm(threads=2, each=1)

        tell(f"R2 twin, trusts what it read: {answers['order']} orders for the price of one")
        assert answers == {"order": 2}
        assert balance_e8() == (COVERED - 1) * money.ONE_E8
