from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Account, Code, Transfer
from tests import cast
from tests.cast import NOW


def deposit(user: User, amount: str, *, key: str = "deposit:1") -> Posting:
    return Posting(
        key=key,
        debit=chart.CASH,
        credit=chart.customer(user.pk),
        amount_e8=money.parse(amount),
        code=Code.DEPOSIT,
    )


def charge(user: User, amount: str, *, key: str = "order:812:charge") -> Posting:
    return Posting(
        key=key,
        debit=chart.customer(user.pk),
        credit=chart.SALES,
        amount_e8=money.parse(amount),
        code=Code.ORDER_CHARGE,
    )


def between_houses(amount: str, *, key: str = "correction:1") -> Posting:
    return Posting(
        key=key,
        debit=chart.ADJUSTMENTS,
        credit=chart.CASH,
        amount_e8=money.parse(amount),
        code=Code.ADJUSTMENT,
        reason="counted the till",
    )


class TestPosting:
    @pytest.mark.parametrize(
        "wrong",
        [{"key": ""}, {"amount_e8": 0}, {"amount_e8": money.MAX_E8 + 1}, {"debit": chart.CASH}],
    )
    def test_moves_something_between_two_accounts_under_a_key(self, wrong: dict[str, Any]) -> None:
        right: dict[str, Any] = {
            "key": "deposit:1",
            "debit": chart.SALES,
            "credit": chart.CASH,
            "amount_e8": 1,
        }

        with pytest.raises(AssertionError):
            Posting(**right | wrong, code=Code.ADJUSTMENT)


@pytest.mark.django_db
class TestPost:
    def test_moves_money_from_the_debited_to_the_credited_account(self) -> None:
        alice = cast.alice(balance="1").user

        moved = book.post(charge(alice, "0.27819"), now=NOW)

        transfer = Transfer.objects.get(key="order:812:charge")
        assert moved
        assert book.balance(alice.pk) == money.parse("0.72181")
        assert (transfer.debit_id, transfer.credit_id) == (alice.pk, chart.SALES)
        assert (transfer.amount_e8, transfer.code) == (27_819_000, Code.ORDER_CHARGE)
        assert (transfer.reason, transfer.created_at) == ("", NOW)

    def test_moves_once_when_it_is_repeated(self) -> None:
        alice = cast.alice(balance="1").user
        book.post(charge(alice, "0.6"), now=NOW)

        moved = book.post(charge(alice, "0.6"), now=NOW)

        assert not moved
        assert book.balance(alice.pk) == money.parse("0.4")
        assert Transfer.objects.filter(key="order:812:charge").count() == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"debit": chart.ADJUSTMENTS},
            {"credit": chart.SALES},
            {"amount_e8": 2},
            {"code": Code.ADJUSTMENT},
            {"reason": "a different reason"},
        ],
    )
    def test_raises_on_a_key_that_stands_for_something_else(self, other: dict[str, Any]) -> None:
        alice = cast.alice().user
        posting = deposit(alice, "0.00000001")
        book.post(posting, now=NOW)

        with pytest.raises(book.KeyReused) as bug:
            book.post(replace(posting, **other), now=NOW)

        assert bug.value.key == posting.key
        assert book.balance(alice.pk) == 1

    def test_spends_a_balance_to_the_last_digit(self) -> None:
        alice = cast.alice(balance="87654321098.76543").user

        book.post(charge(alice, "87654321098.76542999"), now=NOW)

        assert book.balance(alice.pk) == 1

    def test_refuses_what_the_balance_does_not_cover(self) -> None:
        alice = cast.alice(balance="0.5").user

        with pytest.raises(book.NotEnoughFunds) as refusal:
            book.post(charge(alice, "0.50000001"), now=NOW)

        assert refusal.value.code == "not_enough_funds"
        assert refusal.value.user_id == alice.pk
        assert refusal.value.balance_e8 == 50_000_000
        assert refusal.value.change_e8 == -50_000_001
        assert book.balance(alice.pk) == 50_000_000
        assert not Transfer.objects.filter(key="order:812:charge").exists()

    def test_fills_an_account_up_to_the_most_it_can_hold(self) -> None:
        alice = cast.alice(balance="89999999999.99999999").user

        book.post(deposit(alice, "0.00000001"), now=NOW)

        balance_e8 = book.balance(alice.pk)
        assert balance_e8 == money.MAX_E8
        # Past 2^63 SQLite would have made it a REAL.
        assert type(balance_e8) is int

    def test_refuses_more_than_an_account_can_hold(self) -> None:
        alice = cast.alice(balance="90000000000").user

        with pytest.raises(book.BalanceTooLarge) as refusal:
            book.post(deposit(alice, "90000000000"), now=NOW)

        assert refusal.value.code == "balance_too_large"
        assert refusal.value.user_id == alice.pk
        assert refusal.value.balance_e8 == money.MAX_E8
        assert refusal.value.change_e8 == money.MAX_E8
        assert book.balance(alice.pk) == money.MAX_E8
        assert not Transfer.objects.filter(key="deposit:1").exists()

    def test_moves_between_houses_without_a_balance(self) -> None:
        moved = book.post(between_houses("90000000000"), now=NOW)

        assert moved
        assert Account.objects.filter(pk__lt=0, balance_e8=None).count() == len(chart.HOUSES)

    def test_names_an_account_that_is_open(self) -> None:
        stranger = User(pk=4711)

        with pytest.raises(AssertionError, match="not open"):
            book.post(deposit(stranger, "1"), now=NOW)


@pytest.mark.django_db
class TestPostMany:
    def test_moves_all_of_a_batch(self) -> None:
        alice, bob = cast.alice(balance="2").user, cast.bob().user

        moved = book.post_many(
            [
                charge(alice, "0.5", key="order:1:charge"),
                charge(alice, "0.25", key="order:2:charge"),
                deposit(bob, "3"),
                between_houses("1"),
            ],
            now=NOW,
        )

        assert moved == {"order:1:charge", "order:2:charge", "deposit:1", "correction:1"}
        assert book.balance(alice.pk) == money.parse("1.25")
        assert book.balance(bob.pk) == money.parse("3")

    def test_moves_nothing_when_one_customer_is_short(self) -> None:
        alice, bob = cast.alice(balance="2").user, cast.bob(balance="0.1").user

        with pytest.raises(book.NotEnoughFunds) as refusal:
            book.post_many(
                [charge(alice, "1", key="order:1:charge"), charge(bob, "1", key="order:2:charge")],
                now=NOW,
            )

        assert refusal.value.user_id == bob.pk
        assert book.balance(alice.pk) == money.parse("2")
        assert book.balance(bob.pk) == money.parse("0.1")
        assert not Transfer.objects.filter(code=Code.ORDER_CHARGE).exists()

    def test_judges_the_balance_after_the_whole_batch(self) -> None:
        alice = cast.alice().user

        book.post_many([charge(alice, "5"), deposit(alice, "5")], now=NOW)

        assert book.balance(alice.pk) == 0

    def test_moves_only_what_is_new(self) -> None:
        alice = cast.alice(balance="1").user
        book.post(charge(alice, "0.7", key="order:1:charge"), now=NOW)

        moved = book.post_many(
            [
                charge(alice, "0.7", key="order:1:charge"),
                charge(alice, "0.3", key="order:2:charge"),
            ],
            now=NOW,
        )

        assert moved == {"order:2:charge"}
        assert book.balance(alice.pk) == 0

    def test_moves_once_what_the_batch_says_twice(self) -> None:
        alice = cast.alice(balance="1").user

        moved = book.post_many([charge(alice, "0.7"), charge(alice, "0.7")], now=NOW)

        assert moved == {"order:812:charge"}
        assert book.balance(alice.pk) == money.parse("0.3")

    def test_raises_on_a_key_with_two_contents_in_the_batch(self) -> None:
        alice = cast.alice(balance="1").user

        with pytest.raises(book.KeyReused):
            book.post_many([charge(alice, "0.1"), charge(alice, "0.2")], now=NOW)

        assert book.balance(alice.pk) == money.parse("1")

    def test_does_nothing_with_an_empty_batch(self) -> None:
        assert book.post_many([], now=NOW) == frozenset()

    def test_leaves_no_change_when_three_deposits_pass_the_range_of_the_database(self) -> None:
        alice = cast.alice().user
        deposits = [deposit(alice, "90000000000", key=f"deposit:{n}") for n in range(3)]

        with pytest.raises(book.BalanceTooLarge):
            book.post_many(deposits, now=NOW)

        assert book.balance(alice.pk) == 0

    @pytest.mark.parametrize("size", [1, 100])
    def test_costs_four_statements_at_any_size(self, size: int) -> None:
        people = [cast.alice(balance="100").user, cast.bob(balance="100").user]
        postings = [
            charge(people[number % 2], "1", key=f"order:{number}:charge") for number in range(size)
        ]

        with CaptureQueriesContext(connection) as statements:
            book.post_many(postings, now=NOW)

        verbs = [statement["sql"].split()[0] for statement in statements]
        # SQLite, which is no journey away, is given one row after the other.
        inserts = 1 if connection.vendor == "postgresql" else size
        assert verbs == ["SELECT", "SELECT", "UPDATE", *["INSERT"] * inserts]


@pytest.mark.django_db(transaction=True)
class TestPostOutsideATransaction:
    def test_opens_one_of_its_own(self) -> None:
        alice = cast.alice(balance="1").user
        Account.objects.filter(pk=alice.pk).update(balance_e8=0)

        with pytest.raises(book.NotEnoughFunds):
            book.post(charge(alice, "1"), now=NOW)

        assert not connection.in_atomic_block
        assert book.post(deposit(alice, "2"), now=NOW)
        assert book.balance(alice.pk) == money.parse("2")

    def test_locks_only_within_a_transaction(self) -> None:
        alice = cast.alice().user

        with pytest.raises(AssertionError):
            book.lock([alice.pk])


@pytest.mark.django_db
class TestLock:
    def test_returns_the_balances(self) -> None:
        alice, bob = cast.alice(balance="1.5").user, cast.bob().user

        assert book.lock([bob.pk, alice.pk]) == {alice.pk: 150_000_000, bob.pk: 0}

    def test_asks_for_an_open_account(self) -> None:
        with pytest.raises(AssertionError, match="not open"):
            book.lock([4711])

    def test_locks_in_the_order_of_the_accounts(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user

        with CaptureQueriesContext(connection) as statements:
            book.lock([bob.pk, alice.pk])

        sql = statements[0]["sql"]
        assert "ORDER BY" in sql
        assert sql.endswith("FOR NO KEY UPDATE") == (connection.vendor == "postgresql")

    def test_asks_for_no_account_of_nobody(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            assert book.lock([]) == {}

        assert len(statements) == 0


@pytest.mark.django_db
class TestOpenAccount:
    def test_opens_an_empty_one(self) -> None:
        user = User.objects.create(username="dave")

        book.open_account(user)

        assert book.balance(user.pk) == 0
