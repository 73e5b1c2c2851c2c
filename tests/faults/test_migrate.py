"""R24: a shop of many orders goes back to its first tables and forward again, and loses none."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Sum

from bench import fill
from bench.rows import Size
from relaypanel.ledger.models import Transfer
from relaypanel.orders.models import Order, OrderEvent
from tests.faults import size
from tests.orders import scene

ORDERS = 100_000
SECONDS_MAX = 60
# The apps that were there when the first order was.
TRADE = ("accounts", "providers", "catalogue", "ledger", "orders", "duties")


class TestMigrations:
    def test_can_each_be_taken_back(self) -> None:
        migrations = MigrationLoader(None).disk_migrations

        one_way = [
            f"{label}.{name}: {operation.describe()}"
            for (label, name), migration in migrations.items()
            if migration.__module__.startswith("relaypanel.")
            for operation in migration.operations
            if not operation.reversible
        ]

        assert len(migrations) > 50
        assert one_way == []

    @pytest.mark.skipif(not size.is_full(), reason="what many orders cost shows in full size")
    @pytest.mark.django_db(transaction=True)
    def test_carry_every_order_back_and_forward_in_time(self) -> None:
        fill.fill(Size(orders=ORDERS, users=100, services=50))
        before = _all_there_is()

        back_seconds = _seconds(_to_the_first)
        forward_seconds = _seconds(_to_the_last)

        print(  # noqa: T201
            f"\nR24 migrate: {ORDERS} orders, back to the first tables in {back_seconds:.1f} s,"
            f" forward to the last in {forward_seconds:.1f} s"
        )
        assert _all_there_is() == before
        assert scene.books_agree()
        assert back_seconds < SECONDS_MAX
        assert forward_seconds < SECONDS_MAX


def _all_there_is() -> tuple[object, ...]:
    money = Transfer.objects.aggregate(sum=Sum("amount_e8"))["sum"]
    paid = Order.objects.aggregate(sum=Sum("charge_e8"))["sum"]
    return (Order.objects.count(), OrderEvent.objects.count(), money, paid)


def _to_the_first() -> None:
    """Unapply all that came after the first tables of the trade."""
    executor = MigrationExecutor(connection)
    executor.migrate([node for label in TRADE for node in executor.loader.graph.root_nodes(label)])


def _to_the_last() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
