from __future__ import annotations

import pytest
from pytest_django import Settings

from relaypanel.accounts import keys, users
from relaypanel.accounts.models import ApiKey, Role, User
from relaypanel.ledger import book, members
from relaypanel.ledger.models import Account
from tests.cast import NOW


@pytest.mark.django_db
class TestEnrol:
    def test_gives_a_user_with_an_account_and_a_key(self) -> None:
        enrolled = members.enrol(
            username="alice",
            password="a long sentence",
            role=Role.CUSTOMER,
            email="alice@example.com",
            now=NOW,
        )

        user = User.objects.get()
        caller = keys.find(enrolled.api_key, address=None)
        assert caller is not None
        assert user == enrolled.user
        assert user.pk == caller.user_id
        assert user.check_password("a long sentence")
        assert (user.email, user.role, user.joined_at) == ("alice@example.com", "customer", NOW)
        assert keys.reveal(user) == enrolled.api_key
        assert book.balance(user.pk) == 0

    def test_leaves_nothing_behind_when_it_refuses(self) -> None:
        members.enrol(username="alice", password=None, role=Role.CUSTOMER, now=NOW)
        accounts = Account.objects.count()

        with pytest.raises(users.UsernameTaken):
            members.enrol(username="ALICE", password=None, role=Role.STAFF, now=NOW)

        assert (User.objects.count(), ApiKey.objects.count()) == (1, 1)
        assert Account.objects.count() == accounts

    def test_leaves_nothing_behind_when_the_key_cannot_be_kept(self, settings: Settings) -> None:
        accounts = Account.objects.count()
        settings.FIELD_KEYS = []

        with pytest.raises(ValueError, match="at least one Fernet"):
            members.enrol(username="alice", password=None, role=Role.CUSTOMER, now=NOW)

        assert not User.objects.exists()
        assert Account.objects.count() == accounts

    def test_shows_the_key_in_no_traceback(self) -> None:
        enrolled = members.enrol(username="alice", password=None, role=Role.CUSTOMER, now=NOW)

        assert enrolled.api_key not in repr(enrolled)
