from __future__ import annotations

import pytest
from django.db.models import F

from relaypanel import money
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.payments import affiliates, audit, topup
from relaypanel.payments.models import Basis, Earning, State, TopUp
from tests import cast
from tests.cast import NOW
from tests.payments import till

pytestmark = pytest.mark.django_db


def differences() -> list[str]:
    return [str(difference) for difference in audit.prove()]


def story() -> TopUp:
    """Bob, whom Alice brought, has added 50 with a bonus of 5, and asked for more."""
    alice, bob = cast.alice().user, cast.bob().user
    affiliates.refer(user_id=bob.pk, code=affiliates.figures(alice.pk).code, now=NOW)
    affiliates.set_terms(is_on=True, basis=Basis.DEPOSITS, share_bp=333, now=NOW)
    method = till.method(bonus_bp=1000)
    till.requested(bob, by=method)
    done = topup.confirm(topup_id=till.requested(bob, by=method).pk, by=topup.GATEWAY, now=NOW)
    cast.fund(bob, "1")
    return done


def move(key: str, code: Code, user_id: int) -> None:
    book.post(
        book.Posting(
            key=key,
            debit=chart.PROMOTIONS,
            credit=chart.customer(user_id),
            amount_e8=money.ONE_E8,
            code=code,
        ),
        now=NOW,
    )


class TestProve:
    def test_finds_nothing_in_a_sound_story(self) -> None:
        story()

        assert differences() == []
        assert audit.counts() == {"top-ups": 2, "affiliates' shares": 1}

    @pytest.mark.parametrize(
        ("column", "words"), [("amount_e8", "the top-up"), ("bonus_e8", "the bonus of top-up")]
    )
    def test_finds_an_amount_that_was_tampered_with(self, column: str, words: str) -> None:
        done = story()
        TopUp.objects.filter(pk=done.pk).update(**{column: F(column) - 1})

        assert [text.startswith(f"{words} {done.pk} says") for text in differences()] == [True]

    def test_finds_one_that_is_confirmed_without_money(self) -> None:
        story()
        TopUp.objects.filter(state=State.REQUESTED).update(
            state=State.CONFIRMED, ended_at=NOW, by_gateway=True
        )

        assert len(differences()) == 2

    def test_finds_money_of_one_that_is_not_confirmed(self) -> None:
        done = story()
        TopUp.objects.filter(pk=done.pk).update(state=State.REJECTED)

        assert len(differences()) == 2

    @pytest.mark.parametrize("column", ["amount_e8", "base_e8"])
    def test_finds_a_share_that_was_tampered_with(self, column: str) -> None:
        story()
        Earning.objects.update(**{column: F(column) - 10_000})

        assert [text.startswith("the share topup:") for text in differences()] == [True]

    @pytest.mark.parametrize(
        ("key", "code"),
        [
            ("topup:999:bonus", Code.BONUS),
            ("topup:999", Code.DEPOSIT),
            ("topup:99999999999999999999", Code.DEPOSIT),
            ("topup:x:bonus", Code.BONUS),
            ("a gift", Code.BONUS),
            ("topup:999:share", Code.AFFILIATE),
        ],
    )
    def test_finds_a_movement_of_none(self, key: str, code: Code) -> None:
        done = story()
        move(key, code, done.user_id)

        assert differences() == [
            f"the payment of transfer {key} says 0, but its transfers come to 1"
        ]
