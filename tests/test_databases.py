"""The tests' own databases: what @pytest.mark.django_db promises to the authors of tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from relaypanel.accounts.models import User
from relaypanel.ledger.models import Account
from tests import databases

# Two tests that leave the same name behind: the second sees whether the first was undone.
TWICE = pytest.mark.parametrize("time", ["once", "again"])


def leave_alice() -> None:
    assert not User.objects.exists()
    User.objects.create(username="alice")


@pytest.mark.django_db
class TestRollingBack:
    @TWICE
    def test_undoes_what_a_test_wrote(self, time: str) -> None:
        leave_alice()

    def test_keeps_what_migrations_made(self) -> None:
        assert Account.objects.filter(user=None).exists()


@pytest.mark.django_db(transaction=True)
class TestCommitting:
    @TWICE
    def test_gives_each_test_a_database_of_its_own(self, time: str) -> None:
        leave_alice()

        assert not connection.in_atomic_block

    def test_keeps_what_migrations_made(self) -> None:
        assert Account.objects.filter(user=None).exists()

    @TWICE
    def test_is_seen_by_every_thread(self, time: str) -> None:
        thread = threading.Thread(target=leave_alice)
        thread.start()
        thread.join()

        assert User.objects.get().username == "alice"


@pytest.mark.django_db(transaction=True)
class TestConnected:
    def test_closes_the_connections_of_all_threads(self, engine: databases.Engine) -> None:
        seen: list[BaseDatabaseWrapper] = []

        def connect() -> None:
            connections["default"].ensure_connection()
            seen.append(connections["default"])

        with databases.fresh(engine) as url, databases.connected(url):
            thread = threading.Thread(target=connect)
            thread.start()
            thread.join()
            assert seen[0].connection is not None

        assert seen[0].connection is None


class TestPanelDatabase:
    def test_makes_another_each_time(self, panel_database: Callable[..., str]) -> None:
        assert panel_database() != panel_database()

    def test_makes_sqlite_in_any_run(self, panel_database: Callable[..., str]) -> None:
        assert panel_database("sqlite").startswith("sqlite:///")

    @pytest.mark.postgresql
    def test_makes_postgresql_where_there_is_one(self, panel_database: Callable[..., str]) -> None:
        assert panel_database("postgresql").startswith("postgresql://")


class TestEnvironment:
    def test_holds_nothing_of_the_developer(self) -> None:
        assert os.environ["RELAYPANEL_ENV_FILE"] == os.devnull
        assert not [name for name in os.environ if name.lower().endswith("_proxy")]
        assert "TEST_DATABASE_URL" not in os.environ
