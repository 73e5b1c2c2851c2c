from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from django.db import connection

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.payments import affiliates, topup
from relaypanel.payments.models import Basis, Earning, Referral
from tests import cast
from tests.cast import NOW
from tests.orders.scene import later
from tests.payments import till


def brought() -> tuple[User, User]:
    """Return Alice, and Bob who came by her link."""
    alice, bob = cast.alice().user, cast.bob(balance="1000").user
    code = affiliates.figures(alice.pk).code
    assert affiliates.refer(user_id=bob.pk, code=code, now=NOW)
    return alice, bob


def spend(user: User, amount: str, *, order: int, at: datetime, back: bool = False) -> None:
    customer = chart.customer(user.pk)
    book.post(
        book.Posting(
            key=f"order:{order}:{'refund' if back else 'charge'}",
            debit=chart.SALES if back else customer,
            credit=customer if back else chart.SALES,
            amount_e8=money.parse(amount),
            code=Code.ORDER_REFUND if back else Code.ORDER_CHARGE,
        ),
        now=at,
    )


def set_terms(basis: Basis, *, share_bp: int = 500, is_on: bool = True) -> None:
    affiliates.set_terms(is_on=is_on, basis=basis, share_bp=share_bp, now=NOW)


@pytest.mark.django_db
class TestRefer:
    def test_remembers_the_first_link_alone(self) -> None:
        _, bob = brought()
        other = affiliates.figures(cast.carol().user.pk).code

        assert not affiliates.refer(user_id=bob.pk, code=other, now=NOW)

        assert Referral.objects.get().user_id == bob.pk

    def test_takes_no_unknown_link_and_nobodys_own(self) -> None:
        alice = cast.alice().user
        code = affiliates.figures(alice.pk).code

        assert not affiliates.refer(user_id=alice.pk, code=code, now=NOW)
        assert not affiliates.refer(user_id=alice.pk, code="nobody", now=NOW)


@pytest.mark.django_db
class TestShareOfDeposits:
    def test_comes_with_the_deposit_and_not_of_its_bonus(self) -> None:
        alice, bob = brought()
        set_terms(Basis.DEPOSITS)
        wanted = till.requested(bob, "50", by=till.method(bonus_bp=1000))

        topup.confirm(topup_id=wanted.pk, by=topup.GATEWAY, now=NOW)

        assert till.balance(alice) == "2.5"
        [earning] = affiliates.earnings(alice.pk, limit=10)
        assert (earning.key, earning.base_e8) == (f"topup:{wanted.pk}:share", money.parse("50"))
        assert affiliates.figures(alice.pk).earned_e8 == money.parse("2.5")
        assert affiliates.figures(alice.pk).sign_ups == 1
        assert till.books_agree()

    @pytest.mark.parametrize(
        ("basis", "is_on", "share_bp"),
        [(Basis.DEPOSITS, False, 500), (Basis.SPENDING, True, 500), (Basis.DEPOSITS, True, 0)],
    )
    def test_is_not_paid_where_the_terms_say_no(
        self, basis: Basis, is_on: bool, share_bp: int
    ) -> None:
        alice, bob = brought()
        set_terms(basis, is_on=is_on, share_bp=share_bp)

        topup.confirm(topup_id=till.requested(bob).pk, by=topup.GATEWAY, now=NOW)

        assert till.balance(alice) == "0"

    def test_two_who_brought_each_other_wait_for_none(self) -> None:
        alice, bob = brought()
        affiliates.refer(user_id=alice.pk, code=affiliates.figures(bob.pk).code, now=NOW)
        set_terms(Basis.DEPOSITS)

        for user in (alice, bob):
            topup.confirm(topup_id=till.requested(user).pk, by=topup.GATEWAY, now=NOW)

        assert till.balance(alice) == "52.5"
        assert till.books_agree()


@pytest.mark.django_db
class TestShareOfSpending:
    def test_is_paid_of_what_was_spent_since_the_last_time(self) -> None:
        alice, bob = brought()
        set_terms(Basis.SPENDING)
        spend(bob, "100", order=1, at=NOW)
        spend(bob, "40", order=2, at=later(days=2))

        assert affiliates.share_spending(after=0, limit=10, now=later(days=3)) == 0
        assert till.balance(alice) == "5"
        affiliates.share_spending(after=0, limit=10, now=later(days=3))
        assert till.balance(alice) == "5"
        affiliates.share_spending(after=0, limit=10, now=later(days=5))
        assert till.balance(alice) == "7"
        assert till.books_agree()

    def test_waits_until_what_was_given_back_is_spent_again(self) -> None:
        alice, bob = brought()
        set_terms(Basis.SPENDING)
        spend(bob, "100", order=1, at=NOW)
        affiliates.share_spending(after=0, limit=10, now=later(days=3))
        spend(bob, "30", order=1, at=later(days=4), back=True)
        spend(bob, "20", order=2, at=later(days=4))
        affiliates.share_spending(after=0, limit=10, now=later(days=9))
        assert till.balance(alice) == "5"

        spend(bob, "30", order=3, at=later(days=9))
        affiliates.share_spending(after=0, limit=10, now=later(days=12))

        assert till.balance(alice) == "6"
        assert till.books_agree()

    def test_does_not_reach_back_before_the_terms(self) -> None:
        alice, bob = brought()
        spend(bob, "100", order=1, at=later(days=-10))
        set_terms(Basis.SPENDING)

        affiliates.share_spending(after=0, limit=10, now=NOW)

        assert till.balance(alice) == "0"

    def test_takes_its_customers_in_turns(self) -> None:
        _, bob = brought()
        set_terms(Basis.SPENDING)

        assert affiliates.share_spending(after=0, limit=1, now=NOW) == bob.pk
        assert affiliates.share_spending(after=bob.pk, limit=1, now=NOW) == 0


@pytest.mark.django_db
class TestVisit:
    def test_is_counted_for_a_link_that_somebody_has(self) -> None:
        alice = cast.alice().user
        code = affiliates.figures(alice.pk).code

        assert affiliates.visit(code)
        assert not affiliates.visit("nobody")
        assert affiliates.figures(alice.pk).visits == 1


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_workers_at_once_pay_a_share_once(self) -> None:
        alice, bob = brought()
        set_terms(Basis.SPENDING)
        spend(bob, "100", order=1, at=NOW)
        barrier = Barrier(6)

        def race(_: int) -> None:
            barrier.wait()
            affiliates.share_spending(after=0, limit=10, now=later(days=3))
            connection.close()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(race, range(6)))

        assert Earning.objects.count() == 1
        assert till.balance(alice) == "5"
        assert till.books_agree()
