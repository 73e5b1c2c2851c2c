from __future__ import annotations

import pytest

from relaypanel import vault
from relaypanel.payments import methods
from tests.payments import till

pytestmark = pytest.mark.django_db


class TestOnOffer:
    def test_is_what_is_on_in_its_owners_order(self) -> None:
        last, first = till.method(position=2), till.method(position=1)
        till.method(is_on=False)

        assert methods.on_offer() == [first, last]


class TestTerms:
    def test_know_how_long_a_holder_may_be(self) -> None:
        methods.Terms(name="Bank", min_e8=1, max_e8=2, bank_holder="a" * 80).check()

        with pytest.raises(methods.BadBankAccount):
            methods.Terms(name="Bank", min_e8=1, max_e8=2, bank_holder="a" * 81).check()


class TestSecret:
    def test_is_kept_sealed_and_bound_to_its_method(self) -> None:
        method, secret = till.gateway()
        other = till.method()

        method.refresh_from_db()
        assert secret not in method.secret_sealed
        assert methods.secret_of(method) == secret
        assert methods.secret_of(other) == ""
        other.secret_sealed = method.secret_sealed
        with pytest.raises(vault.Unreadable):
            methods.secret_of(other)

    def test_is_dead_when_there_is_a_new_one(self) -> None:
        method, old = till.gateway()

        new = methods.renew_secret(method)

        method.refresh_from_db()
        assert methods.secret_of(method) == new != old
