from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code, Transfer
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import signed_in
from tests.ledger.test_journal import history

pytestmark = pytest.mark.django_db


def body_of(client: Client, query: str = "") -> str:
    response = client.get(f"/funds/statement{query}")
    assert response.status_code == 200
    return response.content.decode()


def rows_of(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"/funds/statement.csv{query}")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def correct(user: User, reason: str) -> None:
    book.post(
        book.Posting(
            key="correction:1",
            debit=chart.ADJUSTMENTS,
            credit=chart.customer(user.pk),
            amount_e8=1,
            code=Code.ADJUSTMENT,
            reason=reason,
        ),
        now=NOW,
    )


class TestPage:
    def test_tells_each_movement_and_what_was_left(self) -> None:
        alice = history(3)

        body = body_of(signed_in(alice))

        assert "−$3.00" in body
        assert "$94.00" in body
        assert f'href="/orders/3{alice.pk}"' in body

    def test_goes_on_page_by_page(self) -> None:
        alice = history(60, balance="5000")
        client = signed_in(alice)

        before = Transfer.objects.filter(debit=alice.pk).order_by("-pk")[29].pk

        assert f"?before={before}" in body_of(client)
        rest = body_of(client, f"?before={before - 60}")
        assert "movement-in" in rest

    @pytest.mark.parametrize(
        ("query", "number"),
        [
            ("?kind=deposit", 1),
            ("?kind=order_charge", 3),
            ("?since=2026-11-25", 0),
            ("?since=0001-01-01", 4),
            ("?until=0001-01-01", 0),
            ("?since=9999-12-31", 0),
            ("?until=2026-11-24", 4),
            ("?until=2026-11-23", 0),
            ("?since=x&kind=&until=9999-12-31&before=x", 4),
            ("?kind=nothing", 4),
        ],
    )
    def test_leaves_out_what_is_not_wanted(self, query: str, number: int) -> None:
        assert body_of(signed_in(history(3)), query).count('<tr role="row">') == max(
            1, number + 1
        ) * (number > 0)

    def test_costs_the_same_however_long_it_is(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = signed_in(history(30, balance="5000"))
        body_of(client)

        with django_assert_num_queries(9):
            body_of(client)


class TestExport:
    def test_holds_every_movement_that_is_wanted(self) -> None:
        client = signed_in(history(60, balance="5000"))

        heading, first, *others = rows_of(client)

        assert heading == ["Date", "Kind", "Order", "Amount", "Balance", "Note", "Key"]
        assert first[3] == "-60"
        assert len(others) == 60
        assert len(rows_of(client, "?kind=deposit")) == 2

    def test_holds_no_formula(self) -> None:
        alice = cast.alice().user
        correct(alice, "=HYPERLINK(1)")

        assert rows_of(signed_in(alice))[1][5] == "'=HYPERLINK(1)"
