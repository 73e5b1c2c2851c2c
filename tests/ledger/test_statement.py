from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart, statement
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Code
from relaypanel.ledger.statement import Filter
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db


def history(number: int = 6, *, balance: str = "100") -> User:
    """Return Alice, who got that much and then paid 1, 2, 3, … a minute apart; Bob did likewise."""
    alice, bob = cast.alice(balance=balance).user, cast.bob(balance=balance).user
    for at in range(1, number + 1):
        postings = [
            Posting(
                key=f"order:{at}{user.pk}:charge",
                debit=chart.customer(user.pk),
                credit=chart.SALES,
                amount_e8=money.parse(str(at)),
                code=Code.ORDER_CHARGE,
            )
            for user in (alice, bob)
        ]
        book.post_many(postings, now=NOW + timedelta(minutes=at))
    return alice


def told(user: User, **options: object) -> list[tuple[str, str]]:
    movements = statement.page(user_id=user.pk, **{"limit": 100} | options)  # type: ignore[arg-type]
    return [(money.text(one.change_e8), money.text(one.left_e8 or 0)) for one in movements]


class TestPage:
    def test_tells_each_movement_and_what_was_left(self) -> None:
        assert told(history(3)) == [("-3", "94"), ("-2", "97"), ("-1", "99"), ("100", "100")]

    def test_goes_on_where_it_stopped(self) -> None:
        alice = history()
        whole = statement.page(user_id=alice.pk, limit=100)

        pages, before = [], None
        while found := statement.page(user_id=alice.pk, before=before, limit=2):
            pages += found
            before = found[-1].id

        assert pages == whole
        assert pages == list(statement.everything(user_id=alice.pk))

    def test_leaves_out_what_is_not_wanted(self) -> None:
        alice = history()

        assert told(alice, wanted=Filter(codes=[Code.DEPOSIT])) == [("100", "100")]
        span = Filter(since=NOW + timedelta(minutes=2), until=NOW + timedelta(minutes=4))
        assert told(alice, wanted=span) == [("-3", "94"), ("-2", "97")]

    def test_keeps_what_is_left_within_a_batch(self) -> None:
        alice = cast.alice().user
        given = Posting(
            key="a",
            debit=chart.CASH,
            credit=chart.customer(alice.pk),
            amount_e8=5,
            code=Code.DEPOSIT,
        )
        taken = Posting(
            key="b",
            debit=chart.customer(alice.pk),
            credit=chart.CASH,
            amount_e8=3,
            code=Code.WITHDRAWAL,
        )

        book.post_many([given, taken], now=NOW)

        left = [one.left_e8 for one in statement.page(user_id=alice.pk, limit=2)]
        assert left == [2, 5]

    def test_costs_two_statements(self) -> None:
        alice = history()

        with CaptureQueriesContext(connection) as queries:
            statement.page(user_id=alice.pk, limit=5)

        assert len(queries) == 2


class TestMovement:
    def test_names_what_it_is_about(self) -> None:
        alice = history(1)
        charge, deposit = statement.page(user_id=alice.pk, limit=2)

        assert charge.order_id == int(f"1{alice.pk}")
        assert charge.topup_id is None
        assert deposit.order_id is None
