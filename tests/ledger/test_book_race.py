"""Twenty threads at one account.  The naive twin shows that the race is really run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import audit, book, chart
from relaypanel.ledger.models import Account, Code, Transfer
from tests import cast
from tests.cast import NOW
from tests.ledger.test_book import between_houses, charge

THREADS = 20


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_sells_what_the_balance_covers_and_no_more(self) -> None:
        alice = cast.alice(balance="10").user

        sold = race(lambda n: post_charge(alice, n))

        assert sold == 10
        assert book.balance(alice.pk) == 0
        assert Transfer.objects.filter(code=Code.ORDER_CHARGE).count() == 10
        assert audit.prove() == []

    def test_is_lost_by_a_twin_that_reads_and_then_writes(self) -> None:
        alice = cast.alice(balance="10").user
        all_have_read = threading.Barrier(THREADS)

        sold = race(lambda n: naive_charge(alice, n, all_have_read))

        assert sold == THREADS
        assert book.balance(alice.pk) == money.parse("9")
        assert audit.prove() != []

    def test_moves_one_event_once(self) -> None:
        alice = cast.alice(balance="10").user

        moved = race(lambda _: book.post(charge(alice, "1"), now=NOW))

        assert moved == 1
        assert book.balance(alice.pk) == money.parse("9")
        assert audit.prove() == []

    def test_moves_one_event_between_houses_once(self) -> None:
        moved = race(lambda _: book.post(between_houses("1"), now=NOW))

        assert moved == 1
        assert Transfer.objects.count() == 1

    def test_ends_when_batches_name_the_same_customers_in_another_order(self) -> None:
        alice, bob = cast.alice(balance="20").user, cast.bob(balance="20").user

        moved = race(lambda n: charge_both([alice, bob] if n % 2 else [bob, alice], n))

        assert moved == THREADS
        assert book.balance(alice.pk) == book.balance(bob.pk) == 0


def race(run: Callable[[int], bool]) -> int:
    """Return in how many of the threads, all let go at once, `run` said yes."""
    gate = threading.Barrier(THREADS)

    def start(number: int) -> bool:
        try:
            gate.wait()
            return run(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(start, range(THREADS)))


def post_charge(user: User, number: int) -> bool:
    try:
        return book.post(charge(user, "1", key=f"order:{number}:charge"), now=NOW)
    except book.NotEnoughFunds:
        return False


def naive_charge(user: User, number: int, all_have_read: threading.Barrier) -> bool:
    price_e8 = money.parse("1")
    balance_e8 = book.balance(user.pk)
    all_have_read.wait()
    if balance_e8 < price_e8:
        return False
    with transaction.atomic():
        Transfer.objects.create(
            key=f"order:{number}:charge",
            debit_id=user.pk,
            credit_id=chart.SALES,
            amount_e8=price_e8,
            code=Code.ORDER_CHARGE,
            created_at=NOW,
        )
        Account.objects.filter(pk=user.pk).update(balance_e8=balance_e8 - price_e8)
    return True


def charge_both(users: list[User], number: int) -> bool:
    charges = [charge(user, "1", key=f"order:{number}:{user.pk}") for user in users]
    return len(book.post_many(charges, now=NOW)) == len(users)
