from __future__ import annotations

from datetime import timedelta

import pytest

from relaypanel import money
from relaypanel.ledger import book, chart, spending
from relaypanel.ledger.models import Code
from relaypanel.ledger.spending import Day
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db

MIDNIGHTS = [NOW + timedelta(days=n) for n in range(4)]


def charge(user_id: int, amount: str, *, hours: float, code: Code = Code.ORDER_CHARGE) -> None:
    at = NOW + timedelta(hours=hours)
    sides = (chart.customer(user_id), chart.SALES)
    debit, credit = sides if code == Code.ORDER_CHARGE else sides[::-1]
    book.post(
        book.Posting(
            key=f"{user_id}:{hours}:{code}",
            debit=debit,
            credit=credit,
            amount_e8=money.parse(amount),
            code=code,
        ),
        now=at,
    )


class TestByDay:
    def test_sums_the_charges_between_two_midnights(self) -> None:
        alice = cast.alice(balance="100").user
        charge(alice.pk, "1", hours=0)
        charge(alice.pk, "2.5", hours=23.99)
        charge(alice.pk, "4", hours=48)

        days = spending.by_day(user_id=alice.pk, midnights=MIDNIGHTS)

        assert days == [
            Day(charges=2, amount_e8=money.parse("3.5")),
            Day(),
            Day(charges=1, amount_e8=money.parse("4")),
        ]

    def test_counts_nothing_else(self) -> None:
        alice, bob = cast.alice(balance="100").user, cast.bob(balance="100").user
        charge(bob.pk, "1", hours=1)
        charge(alice.pk, "1", hours=-1)
        charge(alice.pk, "1", hours=72)
        charge(alice.pk, "1", hours=2, code=Code.ORDER_REFUND)

        assert spending.by_day(user_id=alice.pk, midnights=MIDNIGHTS) == [Day()] * 3
