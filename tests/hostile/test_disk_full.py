"""R23: a full disk writes nothing by halves, and when there is room again, all goes on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from relaypanel.ledger import book
from relaypanel.ledger.audit import prove as prove_ledger
from relaypanel.ledger.models import Code, Transfer
from relaypanel.orders import audit, insert, till
from relaypanel.orders.models import Order
from tests import cast, databases
from tests.api_v2 import client
from tests.hostile.size import of, tell

OPERATIONS = of(short=300, full=2_000)
# Pages of 4 KiB: room for some orders.
PAGES = 12


class Shop:
    def __init__(self) -> None:
        self.key = cast.alice(balance="100000").api_key
        self.service = cast.service(rate="0.9")
        self.sold = 0

    def buy(self, number: int) -> int:
        """Return the status of the answer to an `add`, and count what was acknowledged."""
        body = (
            f"key={self.key}&action=add&service={self.service.pk}"
            f"&link=https://example.com/{number}&quantity=100"
        )
        reply = client.serve(client.environment(body.encode()))
        self.sold += reply.body.startswith(b'{"order":')
        return reply.status

    def half_written(self) -> int:
        """Return how many orders or debits stand alone, acknowledged or not."""
        orders, debits = Order.objects.count(), Transfer.objects.filter(code=Code.ORDER_CHARGE)
        return abs(orders - debits.count()) + abs(orders - self.sold)


@pytest.mark.django_db(transaction=True)
class TestFullDisk:
    def test_of_sqlite_writes_nothing_by_halves(self, engine: databases.Engine) -> None:
        if engine != "sqlite":
            pytest.skip("PostgreSQL's full disk is the next test")
        shop = Shop()
        with full_after(PAGES):
            statuses = Counter(shop.buy(number) for number in range(OPERATIONS))
        half = shop.half_written()
        after = shop.buy(OPERATIONS)

        word = pragma("integrity_check")
        tell(f"R23 disk full, SQLite: {dict(statuses)}, half-written {half}, then {after}, {word}")
        assert statuses[503] > 0 < statuses[200]
        assert set(statuses) == {200, 503}
        assert (half, after, word) == (0, 200, "ok")
        assert prove_ledger() + audit.prove() == []

    def test_in_a_tenth_of_all_statements_writes_nothing_by_halves(self) -> None:
        shop = Shop()
        with failing(random.Random(23)):
            statuses = Counter(shop.buy(number) for number in range(OPERATIONS))
        half = shop.half_written()
        after = shop.buy(OPERATIONS)

        tell(f"R23 disk full, 53100: {dict(statuses)}, half-written {half}, then {after}")
        assert set(statuses) == {200, 503}
        assert (half, after) == (0, 200)
        assert prove_ledger() + audit.prove() == []

    def test_writes_by_halves_where_the_money_is_taken_afterwards(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The twin: an order and its debit in two transactions."""

        def later(*arguments: Any, **named: Any) -> None:
            transaction.on_commit(lambda: book.post_new(*arguments, **named))

        deferred = SimpleNamespace(post_new=later, Posting=book.Posting)
        shop = Shop()
        with monkeypatch.context() as patch, failing(random.Random(23)):
            patch.setattr(insert, "book", deferred)
            for number in range(OPERATIONS):
                shop.buy(number)

        half = shop.half_written()
        tell(f"R23 twin, two transactions: half-written {half}")
        assert half > 0


def tills() -> BaseDatabaseWrapper:
    """Return the connection that orders are placed by."""
    with till._TILL.connection.lent():
        return connections["default"]


def pragma(text: str, *, of: BaseDatabaseWrapper = connection) -> Any:
    with of.cursor() as cursor:
        cursor.execute(f"PRAGMA {text}")
        return cursor.fetchone()[0]


@contextmanager
def full_after(pages: int) -> Iterator[None]:
    """Leave so many pages for orders to grow SQLite by."""
    placing = tills()
    pragma(f"max_page_count={pragma('page_count') + pages}", of=placing)
    try:
        yield
    finally:
        pragma("max_page_count=1073741823", of=placing)


@contextmanager
def failing(dice: random.Random) -> Iterator[None]:
    """Let a tenth of all statements fail as PostgreSQL's do when its disk is full."""

    def sometimes(execute: Callable[..., Any], *arguments: Any) -> Any:
        if dice.random() < 0.1:
            # 53100 by its name in the driver.
            raise OperationalError("could not extend file") from psycopg.errors.DiskFull()
        return execute(*arguments)

    with connection.execute_wrapper(sometimes), tills().execute_wrapper(sometimes):
        yield
