from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from bench import fill, rows
from bench.rows import Size
from relaypanel import clock
from relaypanel.accounts import keys
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger import book
from relaypanel.orders import audit as orders_audit
from relaypanel.orders import place
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.orders.place import OrderRequest

SIZE = Size(orders=2_000, users=120, services=30, callers=110, own=50)

pytestmark = pytest.mark.django_db(transaction=True)


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
        return {row[0] for row in cursor}


class TestFill:
    def test_keeps_books_that_agree(self) -> None:
        fill.fill(SIZE)

        assert ledger_audit.prove() == []
        assert orders_audit.prove() == []
        assert ledger_audit.counts()["customer balances"] == SIZE.users

    def test_makes_as_many_as_were_asked_for(self) -> None:
        fill.fill(SIZE)

        states = Counter(Order.objects.values_list("status", flat=True))
        assert states.total() == SIZE.orders
        assert states[Status.IN_PROGRESS] == SIZE.orders - SIZE.ended == 200
        assert states.keys() == {"in_progress", "completed", "partial", "canceled"}
        assert OrderEvent.objects.count() == SIZE.events == 4 * SIZE.orders
        assert Service.objects.count() == SIZE.services

    def test_tells_each_caller_their_own_orders(self) -> None:
        filled = fill.fill(SIZE)

        assert len(filled.callers) == SIZE.callers
        for caller in filled.callers:
            found = keys.find(caller.api_key, address=None)
            assert found is not None
            mine = Order.objects.filter(user_id=found.user_id, pk__in=caller.order_ids)
            assert mine.count() == len(caller.order_ids) == len(set(caller.order_ids)) > 0

    def test_gives_the_first_user_orders_of_their_own(self) -> None:
        fill.fill(SIZE)

        first = User.objects.earliest("pk")
        assert Order.objects.filter(user=first).count() > SIZE.own

    def test_leaves_a_shop_that_takes_orders(self) -> None:
        filled = fill.fill(SIZE)
        user = User.objects.get(username=filled.callers[0].username)
        before = book.balance(user.pk)

        request = OrderRequest(
            user_id=user.pk,
            service_id=filled.service_ids[0],
            fields={"link": "https://example.com/new", "quantity": "100"},
        )
        (order,) = place.place(requests=[request], now=clock.now())

        assert isinstance(order, Order)
        assert order.pk == SIZE.orders + 1
        assert book.balance(user.pk) == before - order.charge_e8
        assert orders_audit.prove() == []

    def test_fills_on_top_of_what_is_there(self) -> None:
        fill.fill(SIZE)
        fill.fill(SIZE)

        assert Order.objects.count() == 2 * SIZE.orders
        assert ledger_audit.prove() == []
        assert orders_audit.prove() == []
        assert not Order.objects.filter(provider__isnull=False).exclude(
            upstream_service__provider_id=F("provider_id")
        )

    def test_saves_what_the_load_reads(self, tmp_path: Path) -> None:
        filled = fill.fill(SIZE)

        filled.save(tmp_path / "saved")

        services, first, *others = (tmp_path / "saved").read_text().splitlines()
        assert services == f"{filled.service_ids[0]} {SIZE.services}"
        assert first.split()[0] == filled.callers[0].api_key
        assert len(others) == SIZE.callers - 1

    @pytest.mark.postgresql
    def test_by_many_writers_leaves_the_indexes_as_they_were(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rows, "CHUNK", 300)
        monkeypatch.setattr(rows, "INDEXES_MATTER", 1_000)
        before = indexes()

        fill.fill(SIZE)

        assert indexes() == before
        assert Order.objects.count() == SIZE.orders
        assert orders_audit.prove() == []
