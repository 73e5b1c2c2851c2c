from __future__ import annotations

import pytest

from relaypanel.accounts import roster
from relaypanel.accounts.models import User
from tests import cast

pytestmark = pytest.mark.django_db


class TestCustomers:
    def test_are_found_in_any_case_of_their_letters(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        cast.carol()
        User.objects.filter(pk=alice.pk).update(email="Alice@Example.com")

        assert list(roster.customers(limit=9)) == [bob, alice]
        assert list(roster.customers(limit=1, offset=1)) == [alice]
        assert list(roster.customers(limit=9, before_id=bob.pk)) == [alice]
        assert list(roster.customers(limit=9, username="ALICE")) == [alice]
        assert list(roster.customers(limit=9, email="alice@EXAMPLE.com")) == [alice]

    def test_are_no_staff(self) -> None:
        carol = cast.carol().user

        assert roster.customer(carol.pk) is None
        assert roster.customer(cast.alice().user.pk) is not None
