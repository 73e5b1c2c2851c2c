from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from wsgiref.types import WSGIEnvironment

import pytest
from django.db import connection

from bench import bare_till, orders
from relaypanel.ledger import audit, book
from relaypanel.orders import audit as orders_audit
from relaypanel.orders import place
from relaypanel.orders.models import Order, OrderEvent, Status
from tests import cast, databases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[WSGIEnvironment], bytes]]:
    # It puts its own in this place.
    monkeypatch.setattr(place, "ids", place.ids)
    url = f"{os.environ[databases.SERVER]}/{connection.settings_dict['NAME']}"
    alice = cast.alice(balance="1").user
    fields = {"link": "https://example.com/1", "quantity": "100"}
    wanted = place.OrderRequest(user_id=alice.pk, service_id=cast.service().pk, fields=fields)
    place.place(requests=[wanted], now=cast.NOW)
    orders.prepare_postgresql(url, users=1)
    yield bare_till.answering(url)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_account, bench_order, bench_transfer, bench_event")


def asked(tables: str) -> WSGIEnvironment:
    body = b"key=0&action=add&service=7&link=https%3A%2F%2Fexample.com&quantity=100"
    return {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": f"tables={tables}&users=1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


class TestAnswering:
    def test_places_an_order_that_the_panel_takes_for_its_own(
        self, answer: Callable[[WSGIEnvironment], bytes]
    ) -> None:
        before = Order.objects.get()
        held_e8 = book.balance(before.user_id)

        reply = answer(asked("own"))

        placed = Order.objects.exclude(pk=before.pk).get()
        assert reply == b'{"order":%d}' % placed.pk
        assert placed.status == Status.QUEUED
        assert book.balance(placed.user_id) == held_e8 - placed.charge_e8
        assert OrderEvent.objects.filter(order=placed, reason="placed").count() == 1
        assert not audit.prove()
        assert not orders_audit.prove()

    def test_places_one_in_tables_of_its_own(
        self, answer: Callable[[WSGIEnvironment], bytes]
    ) -> None:
        assert re.fullmatch(rb'\{"order":\d+\}', answer(asked("least")))

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT balance, bench_transfer.amount, bench_event.reason"
                " FROM bench_account, bench_order, bench_transfer, bench_event"
                " WHERE bench_event.order_id = bench_order.id"
            )
            assert cursor.fetchall() == [(orders.BALANCE - 100, 100, "placed")]
        assert Order.objects.count() == 1
