from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import Section
from relaypanel.accounts.rights import Level
from relaypanel.ledger import book, chart, journal
from relaypanel.ledger.models import Code, Transfer
from relaypanel.reports import books, proof
from relaypanel.reports.models import Proof
from tests import cast
from tests.cast import NOW
from tests.ledger.test_journal import history
from tests.staff import people

pytestmark = pytest.mark.django_db

# Who it is and what they may, the counts of the navigation, and one for the page.
_QUERIES = 8


@pytest.fixture
def client() -> Client:
    return people.owner()


def shown(client: Client, query: str = "") -> list[Transfer]:
    reply = client.get(f"/staff/books{query}")
    assert reply.status_code == 200
    return [row for row, _ in reply.context["rows"]]


def csv_of(client: Client, path: str) -> list[list[str]]:
    reply = client.get(path)
    assert reply.status_code == 200
    text = b"".join(reply.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


class TestMovements:
    def test_are_everybodys_newest_first(self, client: Client) -> None:
        alice = history(2)

        rows = shown(client)
        body = client.get("/staff/books").content.decode()

        assert len(rows) == 6
        assert "−$2.00" in body
        assert f'href="/staff/orders/2{alice.pk}"' in body
        assert f'href="/staff/users/{alice.pk}"' in body

    def test_are_chosen_by_kind_customer_order_and_time(self, client: Client) -> None:
        alice = history(3)

        assert len(shown(client, "?kind=deposit")) == 2
        assert {row.customer_id for row in shown(client, "?customer=ALICE")} == {alice.pk}
        assert len(shown(client, f"?order=1{alice.pk}")) == 1
        assert len(shown(client, f"?since={NOW.date()}&until={NOW.date()}")) == 8
        assert shown(client, "?until=2026-11-22") == []
        assert len(shown(client, "?kind=order_charge&customer=bob")) == 3

    @pytest.mark.parametrize(
        "query", ["?customer=nobody", "?kind=odd", "?since=x", "?order=-1", "?order=9" + "9" * 30]
    )
    def test_are_none_where_the_question_makes_no_sense(self, client: Client, query: str) -> None:
        history(1)

        assert shown(client, query) == []
        assert "Nothing fits" in client.get(f"/staff/books{query}").content.decode()

    def test_are_none_before_money_has_moved(self, client: Client) -> None:
        assert "Nothing has moved yet" in client.get("/staff/books").content.decode()

    def test_go_on_page_by_page(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(journal, "PAGE", 2)
        history(1)
        whole = list(Transfer.objects.order_by("-pk"))

        first = client.get("/staff/books")
        second = client.get(f"/staff/books{first.context['next_page']}")

        assert [row for row, _ in first.context["rows"]] == whole[:2]
        assert [row for row, _ in second.context["rows"]][:2] == whole[2:4]

    def test_lead_nowhere_that_the_reader_may_not_go(self) -> None:
        alice = history(1)
        client = people.staff(levels={Section.MONEY: Level.VIEW})

        body = client.get("/staff/books").content.decode()

        assert "alice" in body
        assert f"#1{alice.pk}" in body
        assert "/staff/users/" not in body
        assert "/staff/orders/" not in body

    def test_ask_the_database_as_often_for_many_as_for_one(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        history(20, balance="5000")
        shown(client)

        with django_assert_num_queries(_QUERIES):
            shown(client)


class TestExport:
    def test_holds_every_movement_that_is_wanted(self, client: Client) -> None:
        history(60, balance="5000")

        heading, first, *others = csv_of(client, "/staff/books/csv?customer=alice")

        assert heading == ["ID", "Date", "Kind", "Customer", "Amount", "Balance", "Note", "Key"]
        assert first[2:6] == ["Order", "alice", "-60", "3170"]
        assert len(others) == 60
        assert len(csv_of(client, "/staff/books/csv?kind=deposit")) == 3
        assert len(csv_of(client, "/staff/books/csv?customer=nobody")) == 1

    def test_holds_no_formula(self, client: Client) -> None:
        posting = book.Posting(
            key="correction:1",
            debit=chart.ADJUSTMENTS,
            credit=cast.alice().user.pk,
            amount_e8=1,
            code=Code.ADJUSTMENT,
            reason="=HYPERLINK(1)",
        )
        book.post(posting, now=NOW)

        assert csv_of(client, "/staff/books/csv")[1][6] == "'=HYPERLINK(1)"


class TestDays:
    def test_tell_what_moved_and_what_customers_hold(self, client: Client) -> None:
        history(3)
        books.look(now=NOW)

        reply = client.get(f"/staff/books/days?month={NOW:%Y-%m}")
        body = reply.content.decode()

        ((day, moved),) = reply.context["rows"]
        assert day.date == NOW.date()
        assert [e8 // 10**8 for _words, e8 in moved] == [200, 0, -12, 0, 0, 0]
        assert body.count("$188.00") == 2
        assert "+$200.00" in body

    def test_come_as_csv_with_every_kind(self, client: Client) -> None:
        history(3)
        books.look(now=NOW)

        heading, row = csv_of(client, f"/staff/books/days/csv?month={NOW:%Y-%m}")

        told = dict(zip(heading, row, strict=True))
        assert told["Day"] == NOW.date().isoformat()
        assert told["Order: number"] == "6"
        assert (told["Order: to customers"], told["Order: from customers"]) == ("0", "12")
        assert told["Customers hold"] == "188"

    def test_are_those_of_the_month_that_is_asked_for(self, client: Client) -> None:
        history(1)
        books.look(now=datetime(2026, 12, 1, 12, tzinfo=UTC))

        rows = client.get("/staff/books/days?month=2026-11").context["rows"]
        later = client.get("/staff/books/days?month=2026-12").context["rows"]

        assert {day.date.month for day, _ in rows} == {11}
        assert [day.date for day, _ in later] == [date(2026, 12, 1)]

    def test_say_so_where_there_are_none(self, client: Client) -> None:
        body = client.get("/staff/books/days?month=2020-01").content.decode()

        assert "No books of this month" in body
        assert client.get("/staff/books/days").status_code == 200

    @pytest.mark.parametrize("month", ["x", "2026-13", "2026", "20261", "2026-1-"])
    def test_know_no_other_months(self, client: Client, month: str) -> None:
        assert client.get(f"/staff/books/days?month={month}").status_code == 404

    def test_ask_the_database_as_often_for_many_as_for_one(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        history(1)
        books.look(now=datetime(2026, 11, 28, tzinfo=UTC))

        client.get("/staff/books/days")

        with django_assert_num_queries(_QUERIES):
            client.get("/staff/books/days?month=2026-11")


class TestProofs:
    def test_tell_what_agreed_and_what_did_not(self, client: Client) -> None:
        cast.alice(balance="1")
        cast.bob(balance="1")
        proof.prove(now=NOW)
        Proof.objects.create(at=NOW, counts={"orders": 3}, differences=["the balance <b> is odd"])

        body = client.get("/staff/books/proofs").content.decode()

        assert body.index("Something differs") < body.index("All agree")
        assert "the balance &lt;b&gt; is odd" in body
        assert "3 balances" in body

    def test_have_words_for_all_that_is_counted(self, client: Client) -> None:
        proof.prove(now=NOW)

        assert client.get("/staff/books/proofs").status_code == 200

    def test_go_on_page_by_page(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(proof, "PAGE", 2)
        found = [proof.prove(now=NOW) for _ in range(3)]

        first = client.get("/staff/books/proofs")
        second = client.get(f"/staff/books/proofs{first.context['next_page']}")

        assert first.context["proofs"] == [found[2], found[1]]
        assert second.context["proofs"] == [found[0]]

    def test_say_so_where_there_are_none(self, client: Client) -> None:
        body = client.get("/staff/books/proofs").content.decode()

        assert "has not proved the books yet" in body
