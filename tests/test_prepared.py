from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from relaypanel import prepared
from relaypanel.accounts.models import ApiKey, User
from relaypanel.catalogue.models import Platform
from tests import cast
from tests.cast import NOW
from tests.test_database import end_the_connection

ONE = prepared.Statement("SELECT username FROM accounts_user WHERE id = $1")
NAMES = prepared.Statement("SELECT name FROM catalogue_platform ORDER BY name")
SAME = prepared.Statement("SELECT CAST($1 AS text)")
PLATFORMS = prepared.Insert(Platform, "name")


@pytest.mark.django_db
class TestStatement:
    def test_finds_rows(self) -> None:
        alice = cast.alice().user

        assert ONE.rows(alice.pk) == [("alice",)]
        assert ONE.rows(0) == []

    def test_takes_each_kind_of_value(self) -> None:
        alice = cast.alice()
        ApiKey.objects.update(last_used_at=NOW)
        hmac = bytes(User.objects.get().api_key_hmac or b"")
        find = prepared.Statement(
            "SELECT used.last_four FROM accounts_apikey AS used"
            " JOIN accounts_user AS its ON its.id = used.user_id"
            " WHERE its.api_key_hmac = $1 AND used.last_four = $2 AND used.last_used_at = $3"
            f" AND used.user_id {prepared.among('$4')} AND used.revoked_at IS NULL"
        )
        elsewhere = NOW.astimezone(timezone(timedelta(hours=7)))
        last_four = alice.api_key[-4:]

        found = find.rows(hmac, last_four, elsewhere, [alice.user.pk, 5])

        assert found == [(last_four,)]

    def test_says_nothing_of_what_it_only_writes(self) -> None:
        cast.alice()
        write = prepared.Statement("UPDATE accounts_user SET theme = $1, email = $2")

        assert write.rows("dark", "a@b.example") == []
        with CaptureQueriesContext(connection):
            assert write.rows("light", "a@b.example") == []
        assert User.objects.get().theme == "light"

    def test_is_seen_by_those_who_watch_queries(self) -> None:
        alice = cast.alice().user

        with CaptureQueriesContext(connection) as queries:
            assert ONE.rows(alice.pk) == [("alice",)]

        assert len(queries) == 1

    def test_raises_djangos_errors(self) -> None:
        with pytest.raises(DatabaseError), transaction.atomic():
            prepared.Statement("SELECT 1 FROM there_is_no_such_table").rows()
        with pytest.raises(IntegrityError), transaction.atomic():
            PLATFORMS.write([("once",), ("once",)])


@pytest.mark.django_db(transaction=True)
class TestTransaction:
    def test_holds_what_comes_first_in_it(self) -> None:
        with transaction.atomic():
            PLATFORMS.write([("undone",)])
            transaction.set_rollback(True)

        assert not Platform.objects.exists()

    def test_commits_by_itself_without_one(self) -> None:
        PLATFORMS.write([("kept",)])
        connection.close()

        assert Platform.objects.get().name == "kept"

    @pytest.mark.postgresql
    def test_is_lost_with_its_connection(self) -> None:
        connection.ensure_connection()
        assert connection.connection is not None
        connection.connection.close()

        with pytest.raises(OperationalError):
            ONE.rows(1)
        connection.close_if_unusable_or_obsolete()
        assert ONE.rows(1) == []

    @pytest.mark.postgresql
    def test_is_lost_when_the_server_ends_it(self) -> None:
        end_the_connection()

        # However it ends, a caller may come again.
        for _ in range(2):
            with pytest.raises(OperationalError):
                ONE.rows(1)
        connection.close()

    def test_that_cannot_be_had_is_an_error_of_djangos(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection.close()

        def refuse(_: object) -> None:
            raise connection.Database.OperationalError  # type: ignore[attr-defined]

        monkeypatch.setattr(connection, "get_new_connection", refuse)

        with pytest.raises(OperationalError):
            ONE.rows(1)

    @pytest.mark.postgresql
    def test_keeps_what_is_prepared_from_thread_to_thread(self) -> None:
        assert ONE.rows(1) == []
        connection.inc_thread_sharing()
        shared = connection.connection

        def ask() -> list[tuple[object, ...]]:
            own = connections["default"]
            own.connection = shared
            try:
                return ONE.rows(1)
            finally:
                own.connection = None

        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(ask).result()
        connection.dec_thread_sharing()
        assert found == []


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_runs_them_in_order_and_tells_what_each_finds(self) -> None:
        alice = cast.alice().user

        with transaction.atomic():
            found = prepared.together(*PLATFORMS.asks([("a",), ("b",)]), ONE.ask(alice.pk))
            assert prepared.together(NAMES.ask(), ONE.ask(0)) == [[("a",), ("b",)], []]

        assert found[-1] == [("alice",)]
        assert Platform.objects.count() == 2

    def test_begins_the_transaction_that_it_is_in(self) -> None:
        with transaction.atomic():
            prepared.together(*PLATFORMS.asks([("undone",)]))
            transaction.set_rollback(True)

        assert not Platform.objects.exists()

    def test_does_nothing_behind_an_error_and_leaves_a_connection_that_works(self) -> None:
        broken = prepared.Statement("INSERT INTO catalogue_platform (id) VALUES ($1)")
        assert ONE.rows(0) == []
        before = connection.connection

        with pytest.raises(IntegrityError), transaction.atomic():
            prepared.together(broken.ask(1), *PLATFORMS.asks([("behind",)]))

        assert ONE.rows(0) == []
        assert connection.connection is before
        assert not Platform.objects.exists()

    def test_carries_more_than_a_connection_takes_at_once(self) -> None:
        long = "đ" * 1_000_000

        with transaction.atomic():
            found = prepared.together(*[SAME.ask(f"{number}{long}") for number in range(8)])

        assert [rows[0][0][0] for rows in found] == list("01234567")
        assert {len(rows[0][0]) for rows in found} == {1_000_001}

    @pytest.mark.postgresql
    def test_is_lost_when_the_server_ends_the_connection(self) -> None:
        end_the_connection()

        with pytest.raises(OperationalError), transaction.atomic():
            prepared.together(ONE.ask(1), ONE.ask(2))

        connection.close_if_unusable_or_obsolete()
        assert ONE.rows(1) == []

    def test_is_seen_by_those_who_watch_queries(self) -> None:
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            assert prepared.together(ONE.ask(1), ONE.ask(2)) == [[], []]

        assert len(queries) == 2


@pytest.mark.django_db
class TestInsert:
    def test_gives_the_ids_in_order_and_the_rest_as_the_model_has_it(self) -> None:
        ids = PLATFORMS.write([("b",), ("a",), ("đ",)])

        rows = Platform.objects.order_by("pk").values_list("pk", "name", "position")
        assert list(rows) == [(ids[0], "b", 0), (ids[1], "a", 0), (ids[2], "đ", 0)]

    def test_writes_nothing_for_nothing(self) -> None:
        assert PLATFORMS.write([]) == []

    @pytest.mark.postgresql
    def test_takes_no_row_that_lacks_a_column(self) -> None:
        with pytest.raises(AssertionError):
            prepared.Insert(Platform, "name", "position").write([("a", 1), ("b",)])

        assert not Platform.objects.exists()

    def test_is_seen_by_those_who_watch_queries(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            (platform_id,) = PLATFORMS.write([("a",)])

        assert len(queries) == 1
        assert Platform.objects.get().pk == platform_id
