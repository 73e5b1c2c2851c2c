from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from relaypanel.accounts import keys, users
from relaypanel.accounts.models import User
from tests.cast import NOW


@pytest.mark.django_db(transaction=True)
class TestKeyOfAUser:
    def test_opens_as_before_where_it_has_moved(self) -> None:
        alice, bob, _ = (_member(name) for name in ("alice", "bob", "carol"))
        revoked, alices = (keys.issue(alice, now=NOW + timedelta(days=day)) for day in (0, 1))
        bobs = keys.issue(bob, now=NOW)

        _migrate("0008_admin_keys")
        _migrate("0009_key_of_a_user")

        opened = [keys.find(key, address=None) for key in (alices, bobs, revoked)]
        assert [found and found.user_id for found in opened] == [alice.pk, bob.pk, None]


def _member(username: str) -> User:
    return users.create(username=username, password=None, now=NOW)


def _migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("accounts", name)])
