from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from relaypanel import money
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import AuditEntry, User
from relaypanel.ledger import adjust, audit, book
from relaypanel.ledger.models import Adjustment, AdjustmentState, Transfer
from tests import cast

pytestmark = pytest.mark.django_db

LIMIT = money.parse("100")


@pytest.fixture
def alice() -> User:
    return cast.alice(balance="50").user


@pytest.fixture
def carol() -> Actor:
    return Actor(user_id=cast.carol().user.pk, address="192.0.2.7")


@pytest.fixture
def bob() -> Actor:
    return Actor(user_id=cast.bob().user.pk, address=None)


def ask(alice: User, by: Actor, amount: str, reason: str = "a gift") -> Adjustment:
    sign = -1 if amount.startswith("-") else 1
    return adjust.ask(
        user_id=alice.pk,
        amount_e8=sign * money.parse(amount.lstrip("-")),
        reason=reason,
        alone_max_e8=LIMIT,
        by=by,
        now=cast.NOW,
    )


def decide(one: Adjustment, by: Actor, *, approve: bool = True) -> Adjustment:
    return adjust.decide(adjustment_id=one.pk, approve=approve, by=by, now=cast.NOW)


def balance(alice: User) -> str:
    return money.text(book.balance(alice.pk))


class TestAsk:
    @pytest.mark.parametrize(("amount", "left"), [("100", "150"), ("-20.5", "29.5")])
    def test_moves_the_money_at_once_up_to_the_limit(
        self, alice: User, carol: Actor, amount: str, left: str
    ) -> None:
        one = ask(alice, carol, amount)

        assert str(one) == f"adjustment {one.pk} of {alice.pk}"
        assert one.state == AdjustmentState.DONE
        assert balance(alice) == left
        assert Transfer.objects.latest("pk").reason == "a gift"
        assert audit.prove() == []
        entry = AuditEntry.objects.get(act="adjustment.ask")
        assert (entry.user_id, entry.address) == (carol.user_id, "192.0.2.7")
        assert entry.after["amount"] == amount
        assert adjust.of_user(alice.pk) == [one]

    @pytest.mark.parametrize("amount", ["100.00000001", "-100.00000001"])
    def test_waits_for_a_second_person_above_it(
        self, alice: User, carol: Actor, amount: str
    ) -> None:
        one = ask(alice, carol, amount)

        assert one.state == AdjustmentState.WAITING
        assert balance(alice) == "50"
        assert adjust.waiting() == [one]

    def test_takes_no_more_than_there_is(self, alice: User, carol: Actor) -> None:
        with pytest.raises(book.NotEnoughFunds):
            ask(alice, carol, "-51")

        assert not Adjustment.objects.exists()
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
    def test_needs_a_reason(self, alice: User, carol: Actor, reason: str) -> None:
        with pytest.raises(adjust.ReasonNeeded):
            ask(alice, carol, "1", reason)

    def test_refuses_nothing_and_nobody(self, alice: User, carol: Actor) -> None:
        with pytest.raises(adjust.BadAdjustment):
            ask(alice, carol, "0")
        with pytest.raises(adjust.BadAdjustment):
            ask(User(pk=987), carol, "1")


class TestDecide:
    def test_moves_the_money_when_another_one_agrees(
        self, alice: User, carol: Actor, bob: Actor
    ) -> None:
        one = ask(alice, carol, "500")

        decide(one, bob)

        assert balance(alice) == "550"
        assert adjust.waiting() == []
        with pytest.raises(adjust.AlreadyDecided):
            decide(one, bob)
        assert balance(alice) == "550"

    def test_moves_nothing_when_another_one_does_not(
        self, alice: User, carol: Actor, bob: Actor
    ) -> None:
        one = decide(ask(alice, carol, "500"), bob, approve=False)

        assert one.state == AdjustmentState.REJECTED
        assert balance(alice) == "50"
        assert AuditEntry.objects.latest("pk").act == "adjustment.reject"

    def test_is_not_for_who_asked(self, alice: User, carol: Actor) -> None:
        one = ask(alice, carol, "500")

        for approve in (True, False):
            with pytest.raises(adjust.SecondPersonNeeded):
                decide(one, carol, approve=approve)

        assert balance(alice) == "50"
        with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
            Adjustment.objects.update(decided_by=carol.user_id)

    def test_of_what_is_not_there_is_refused(self, bob: Actor) -> None:
        with pytest.raises(adjust.NoSuchAdjustment):
            decide(Adjustment(pk=987), bob)

    def test_leaves_it_waiting_where_the_money_is_gone(
        self, alice: User, carol: Actor, bob: Actor
    ) -> None:
        one = ask(alice, carol, "-500")

        with pytest.raises(book.NotEnoughFunds):
            decide(one, bob)

        assert adjust.waiting() == [one]
