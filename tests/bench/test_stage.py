from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import orders
from bench.load import Spoiled
from bench.stage import Stage
from tests.bench.test_load import answering, needs_wrk
from tests.processes import Panel


@pytest.fixture
def shop(tmp_path: Path, panel_database: Callable[..., str]) -> Iterator[Stage]:
    url = panel_database("sqlite")
    with Panel(database_url=url) as panel:
        stage = Stage(panel=panel, database="sqlite", database_url=url, folder=tmp_path)
        stage.callers(1).write_text(f"1 10\n{'a' * 32} 1\n")
        yield stage


class TestStage:
    @needs_wrk
    @pytest.mark.sockets
    def test_notices_orders_that_were_acknowledged_and_are_not_there(self, shop: Stage) -> None:
        with answering(b'{"order":812}') as url, pytest.raises(Spoiled, match="0 are there"):
            shop.calls(url.removesuffix("/api/v2"), "add", users=1, connections=2, seconds=1)

    def test_proves_the_books(self, shop: Stage) -> None:
        shop.audit()

    def test_notices_books_that_differ(self, shop: Stage) -> None:
        with sqlite3.connect(shop.file) as connection:
            connection.execute(
                "INSERT INTO ledger_transfer (key, debit_id, credit_id, amount_e8, code, reason,"
                " created_at) VALUES ('order:7:charge', -2, -1, 5, 'order_charge', '',"
                " '2026-01-01 00:00:00')"
            )
        connection.close()

        with pytest.raises(Spoiled, match="the order of transfer"):
            shop.audit()


class TestOneOrder:
    def test_moves_money_once_for_each_order(self, tmp_path: Path) -> None:
        file = str(tmp_path / "orders.sqlite3")
        orders.prepare_sqlite(file, users=3)

        pace = orders.on_sqlite(file, users=3, writers=2, seconds=0.05)

        with sqlite3.connect(file) as connection:
            spent = connection.execute(
                "SELECT SUM(? - balance) FROM bench_account", (orders.BALANCE,)
            )
            taken = connection.execute(
                "SELECT COUNT(*) FROM bench_order, bench_transfer t"
                " WHERE t.key = 'charge of ' || bench_order.id"
            )
            assert (spent.fetchone()[0], taken.fetchone()[0]) == (100 * pace.done, pace.done)
        connection.close()
