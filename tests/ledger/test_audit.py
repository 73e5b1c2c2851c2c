from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import audit, book, chart
from relaypanel.ledger.audit import Difference
from relaypanel.ledger.models import Account, Code, Transfer
from tests import cast
from tests.cast import NOW


def move(user: User, *, key: str, debit: int, credit: int, amount_e8: int) -> None:
    posting = book.Posting(
        key=key, debit=debit, credit=credit, amount_e8=amount_e8, code=Code.ADJUSTMENT
    )
    book.post(posting, now=NOW)


@pytest.mark.django_db
class TestProve:
    def test_finds_nothing_in_a_true_ledger(self) -> None:
        alice = cast.alice(balance="87654321098.76543").user
        cast.bob()
        move(alice, key="1", debit=alice.pk, credit=chart.SALES, amount_e8=1)

        assert audit.prove() == []

    def test_finds_nothing_in_an_empty_ledger(self) -> None:
        assert audit.prove() == []

    @pytest.mark.parametrize("change_e8", [-1, 1])
    def test_finds_a_balance_that_is_off_by_the_last_digit(self, change_e8: int) -> None:
        alice = cast.alice(balance="87654321098.76543").user
        cast.bob(balance="1")
        Account.objects.filter(pk=alice.pk).update(balance_e8=F("balance_e8") + change_e8)

        differences = audit.prove()

        e8 = money.parse("87654321098.76543")
        assert differences == [
            Difference(
                subject=f"the balance of user {alice.pk}", says_e8=e8 + change_e8, transfers_e8=e8
            )
        ]

    def test_finds_a_balance_that_came_from_nowhere(self) -> None:
        alice = cast.alice().user
        Account.objects.filter(pk=alice.pk).update(balance_e8=money.MAX_E8)

        differences = audit.prove()

        assert [difference.says_e8 for difference in differences] == [money.MAX_E8]

    def test_adds_up_exactly_past_the_range_of_the_database(self) -> None:
        alice = cast.alice().user
        for turn in range(5):
            move(alice, key=f"{turn}:in", debit=-2, credit=alice.pk, amount_e8=money.MAX_E8 - turn)
            move(alice, key=f"{turn}:out", debit=alice.pk, credit=-1, amount_e8=money.MAX_E8 - turn)
        move(alice, key="last", debit=chart.CASH, credit=alice.pk, amount_e8=1)

        assert book.balance(alice.pk) == 1
        assert audit.prove() == []

    def test_finds_a_transfer_to_an_account_that_is_not_there(self) -> None:
        before = transaction.savepoint()
        Transfer.objects.create(
            key="astray", debit_id=-2, credit_id=4711, amount_e8=5, code="deposit", created_at=NOW
        )

        differences = audit.prove()

        transaction.savepoint_rollback(before)
        assert differences == [
            Difference(subject="the sum of all accounts", says_e8=0, transfers_e8=-5)
        ]

    def test_reads_one_moment(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            audit.prove()

        assert len(statements) == 1


@pytest.mark.django_db
class TestCounts:
    def test_says_how_much_is_proved(self) -> None:
        cast.alice(balance="1")
        cast.bob()

        assert audit.counts() == {"customer balances": 2, "transfers": 1}


class TestDifference:
    def test_reads_as_a_sentence(self) -> None:
        difference = Difference(
            subject="the balance of user 7", says_e8=-1, transfers_e8=150_000_000
        )

        assert str(difference) == (
            "the balance of user 7 says -0.00000001, but its transfers come to 1.5"
        )


@pytest.mark.django_db
class TestDrift:
    def test_is_nothing_in_a_true_ledger(self) -> None:
        alice = cast.alice(balance="87654321098.76543").user
        bob = cast.bob(balance="87654321098.7").user
        move(alice, key="1", debit=alice.pk, credit=chart.SALES, amount_e8=1)
        move(alice, key="2", debit=alice.pk, credit=bob.pk, amount_e8=2)

        assert audit.drift_e8() == 0

    def test_is_nothing_in_an_empty_ledger(self) -> None:
        assert audit.drift_e8() == 0

    @pytest.mark.parametrize("change_e8", [-1, 1, 3 * 10**9])
    def test_is_what_balances_are_off_by(self, change_e8: int) -> None:
        alice = cast.alice(balance="87654321098.76543").user
        Account.objects.filter(pk=alice.pk).update(balance_e8=F("balance_e8") + change_e8)

        assert audit.drift_e8() == change_e8
