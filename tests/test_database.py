from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from relaypanel import database, prepared
from relaypanel.accounts.models import User
from tests import cast, databases, postgresql

ONE = prepared.Statement("SELECT username FROM accounts_user WHERE id = $1")
BACKEND = prepared.Statement("SELECT pg_backend_pid()")


@pytest.mark.django_db(transaction=True)
class TestShared:
    def test_is_the_threads_connection_while_it_is_lent(self) -> None:
        shared = database.Shared()
        ONE.rows(1)
        own = connection.connection

        with shared.lent():
            ONE.rows(1)
            first = connection.connection
            with transaction.atomic():
                alice = cast.alice().user
                assert ONE.rows(alice.pk) == [("alice",)]

        assert connection.connection is own
        assert ONE.rows(alice.pk) == [("alice",)]
        assert first is not own
        with shared.lent():
            assert connection.connection is first

    def test_is_one_for_all_threads(self) -> None:
        shared = database.Shared()

        def ask() -> object:
            with shared.lent():
                ONE.rows(1)
                return connection.connection

        with ThreadPoolExecutor(1) as pool:
            theirs = pool.submit(ask).result()
        assert ask() is theirs

    def test_is_given_back_whatever_happens(self) -> None:
        shared = database.Shared()
        ONE.rows(1)
        own = connection.connection

        def end() -> None:
            with shared.lent(), transaction.atomic():
                cast.alice()
                raise SystemExit

        with pytest.raises(SystemExit):
            end()

        assert connection.connection is own
        assert not User.objects.exists()

    @pytest.mark.postgresql
    def test_is_made_anew_once_it_failed(self) -> None:
        shared = database.Shared()
        with shared.lent():
            ONE.rows(1)
            lost = connection.connection
            assert lost is not None
            lost.close()
            with pytest.raises(DatabaseError):
                ONE.rows(1)

        with shared.lent():
            assert ONE.rows(1) == []
            assert connection.connection is not lost


@pytest.mark.django_db(transaction=True)
class TestForgetful:
    def test_lets_sqlite_not_wait_for_the_disk(self) -> None:
        connection.close()
        with database.forgetful():
            assert waits_for_the_disk() == (connection.vendor == "postgresql")

        assert waits_for_the_disk()

    def test_is_over_whatever_happens(self) -> None:
        with pytest.raises(DatabaseError), database.forgetful(), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

        assert waits_for_the_disk()

    def test_leaves_a_transaction_as_it_is(self) -> None:
        with transaction.atomic(), database.forgetful():
            assert waits_for_the_disk()
        assert waits_for_the_disk()


@pytest.mark.django_db(transaction=True)
class TestAnew:
    @pytest.mark.postgresql
    def test_asks_once_more_when_the_server_has_ended_the_connection(self) -> None:
        end_the_connection()

        assert database.anew(lambda: ONE.rows(1)) == []

    @pytest.mark.postgresql
    def test_asks_for_a_whole_transaction_once_more(self) -> None:
        end_the_connection()

        @transaction.atomic
        def both() -> list[list[tuple[object, ...]]]:
            return prepared.together(ONE.ask(1), ONE.ask(2))

        assert database.anew(both) == [[], []]

    @pytest.mark.postgresql
    def test_does_nothing_twice(self) -> None:
        calls = []

        def call() -> None:
            calls.append(1)
            end_the_connection()
            ONE.rows(1)

        with pytest.raises(OperationalError):
            database.anew(call, unless=lambda: True)
        assert len(calls) == 1
        connection.close()

    @pytest.mark.parametrize("is_connected", [True, False])
    def test_asks_once_where_it_is_not_the_connections_fault(self, is_connected: bool) -> None:
        calls = []

        def call() -> None:
            calls.append(1)
            raise OperationalError("canceling statement due to lock timeout")

        connection.ensure_connection()
        if not is_connected:
            connection.close()

        with pytest.raises(OperationalError):
            database.anew(call)
        assert len(calls) == 1


def waits_for_the_disk() -> bool:
    """Whether what this thread's connection commits is on the disk then."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            # FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
            return bool(cursor.fetchone() == (2,))
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone() == ("on",))


def end_the_connection() -> None:
    """Let the server end this thread's connection, as a restart does."""
    [(number,)] = BACKEND.rows()
    with postgresql.connect(_url()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])


def _url() -> str:
    return f"{os.environ[databases.SERVER]}/{connection.settings_dict['NAME']}"
