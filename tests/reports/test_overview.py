from __future__ import annotations

from datetime import date, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.orders.models import Order, Status
from relaypanel.reports import days, overview, proof
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db


class TestRead:
    def test_compares_with_the_period_before(self) -> None:
        scene.order(Status.COMPLETED, cost_e8=money.parse("0.25"))
        old = scene.order(Status.CANCELED)
        Order.objects.filter(pk=old.pk).update(placed_at=NOW - timedelta(days=8))
        days.look(now=NOW)

        read = overview.read(days=7, now=NOW)

        assert [day.date for day in read.days][::6] == [date(2026, 11, 18), date(2026, 11, 24)]
        assert (read.now.orders, money.text(read.now.margin_e8)) == (1, "0.75")
        assert (read.before.orders, read.states) == (1, {"completed": 1})
        assert read.now.new_users == 1

    def test_tells_how_long_the_oldest_order_waits(self) -> None:
        assert overview.read(days=1, now=NOW).oldest_at is None

        scene.order(due_at=later(hours=1))
        assert overview.read(days=1, now=NOW).oldest_at is None
        scene.order()

        assert overview.read(days=1, now=later(minutes=5)).oldest_at == NOW

    def test_asks_as_little_of_a_year_as_of_a_day(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        scene.order()
        days.look(now=NOW)
        made = proof.prove(now=NOW)

        with django_assert_num_queries(5):
            read = overview.read(days=90, now=NOW)

        assert read.proof == made
        assert read.best is not None
        assert [provider.name for provider in read.providers] == ["upstream"]
