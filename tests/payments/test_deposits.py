from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry
from relaypanel.ledger import book
from relaypanel.ledger.models import Transfer
from relaypanel.payments import deposits
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db


def add(user_id: int, *, amount_e8: int = money.ONE_E8, reference: str = "tx-1") -> Transfer:
    return deposits.add(
        user_id=user_id, amount_e8=amount_e8, reference=reference, reason="so", by=CONSOLE, now=NOW
    )


class TestAdd:
    def test_moves_money_and_writes_who_did_it_once(self) -> None:
        alice = cast.alice().user

        first, second = add(alice.pk), add(alice.pk)

        assert first == second
        assert book.balance(alice.pk) == money.ONE_E8
        assert AuditEntry.objects.count() == 1

    def test_refuses_another_payment_of_that_reference(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        add(alice.pk)

        with pytest.raises(deposits.ReferenceUsed):
            add(alice.pk, amount_e8=2)
        with pytest.raises(deposits.ReferenceUsed):
            add(bob.pk)

        assert (book.balance(alice.pk), book.balance(bob.pk)) == (money.ONE_E8, 0)
        assert AuditEntry.objects.count() == 1

    @pytest.mark.parametrize("amount_e8", [0, -1, money.MAX_E8 + 1])
    def test_refuses_what_is_no_amount(self, amount_e8: int) -> None:
        with pytest.raises(deposits.BadAmount):
            add(cast.alice().user.pk, amount_e8=amount_e8)

    @pytest.mark.parametrize("reference", ["", "a\nb", "x" * 81])
    def test_refuses_what_is_no_reference(self, reference: str) -> None:
        with pytest.raises(deposits.BadReference):
            add(cast.alice().user.pk, reference=reference)


class TestListed:
    def test_shows_the_latest_first(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        first, second = add(alice.pk), add(bob.pk, reference="tx-2")

        assert list(deposits.listed(limit=9)) == [second, first]
        assert list(deposits.listed(limit=9, user_id=alice.pk)) == [first]
        assert list(deposits.listed(limit=9, before_id=second.pk)) == [first]
        assert list(deposits.listed(limit=1, offset=1)) == [first]
