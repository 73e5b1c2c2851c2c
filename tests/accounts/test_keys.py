from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from relaypanel import vault
from relaypanel.accounts import keys, networks, throttle, users
from relaypanel.accounts.models import ApiKey, User
from tests.cast import NOW
from tests.plans import plan

ADDRESS = "203.0.113.7"


def member(username: str = "alice") -> User:
    return users.create(username=username, password=None, now=NOW)


def found(key: str) -> keys.Caller:
    caller = keys.find(key, address=ADDRESS)
    assert caller is not None
    return caller


@pytest.mark.django_db
class TestIssue:
    def test_gives_32_hex_digits(self) -> None:
        key = keys.issue(member(), now=NOW)

        assert re.fullmatch("[0-9a-f]{32}", key)

    def test_keeps_the_key_in_no_readable_form(self) -> None:
        key = keys.issue(member(), now=NOW)

        row, user = ApiKey.objects.values().get(), User.objects.values().get()
        hmac = bytes(user["api_key_hmac"] or b"")
        assert row["last_four"] == key[-4:]
        assert row["created_at"] == NOW
        assert len(hmac) == 32
        assert key not in f"{row} {user}"
        assert bytes.fromhex(key) not in hmac

    def test_kills_the_old_key(self) -> None:
        user = member()
        old = keys.issue(user, now=NOW)

        new = keys.issue(user, now=NOW + timedelta(days=1))

        assert old != new
        assert keys.find(old, address=ADDRESS) is None
        assert found(new).user_id == user.pk
        assert ApiKey.objects.get(last_four=old[-4:]).revoked_at == NOW + timedelta(days=1)

    def test_leaves_the_time_of_an_earlier_revocation(self) -> None:
        user = member()
        first = keys.issue(user, now=NOW)
        keys.issue(user, now=NOW + timedelta(days=1))

        keys.issue(user, now=NOW + timedelta(days=2))

        assert ApiKey.objects.get(last_four=first[-4:]).revoked_at == NOW + timedelta(days=1)

    def test_holds_whoever_had_the_user_in_hand_and_saves_it(self) -> None:
        user = member()
        old = keys.issue(user, now=NOW)
        in_hand = User.objects.get(pk=user.pk)
        new = keys.issue(user, now=NOW)

        for stale in (user, in_hand):
            stale.display_name = "Alice"
            stale.save()

        assert User.objects.get().display_name == "Alice"
        assert keys.find(old, address=ADDRESS) is None
        assert found(new).user_id == user.pk

    def test_leaves_other_users_keys_alone(self) -> None:
        bobs = keys.issue(member("bob"), now=NOW)

        keys.issue(member("alice"), now=NOW)

        assert keys.find(bobs, address=ADDRESS) is not None


@pytest.mark.django_db(transaction=True)
class TestIssueAtOnce:
    def test_leaves_exactly_one_key_alive(self) -> None:
        user = member()
        keys.issue(user, now=NOW)

        for _ in range(5):
            issued = _together(4, lambda: keys.issue(user, now=NOW))

            alive = [key for key in issued if keys.find(key, address=ADDRESS)]
            assert len(set(issued)) == 4
            assert alive == [keys.reveal(user)]
            assert ApiKey.objects.filter(user=user, revoked_at=None).count() == 1

    @pytest.mark.postgresql
    def test_waits_for_no_order_that_is_being_placed(self) -> None:
        user = member()

        with transaction.atomic(), connection.cursor() as cursor:
            # As the foreign key of an order's row locks its user.
            cursor.execute("SELECT 1 FROM accounts_user WHERE id = %s FOR KEY SHARE", [user.pk])
            (key,) = _together(1, lambda: _impatiently(user))

        assert found(key).user_id == user.pk


def _impatiently(user: User) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    return keys.issue(user, now=NOW)


def _together(threads: int, call: Callable[[], str]) -> list[str]:
    barrier = Barrier(threads)

    def run(_: int) -> str:
        barrier.wait()
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.mark.django_db
class TestReveal:
    def test_gives_the_live_key(self) -> None:
        user = member()
        keys.issue(user, now=NOW)
        key = keys.issue(user, now=NOW)

        assert keys.reveal(user) == key

    def test_opens_no_key_that_was_copied_from_another_user(self) -> None:
        alice, bob = member("alice"), member("bob")
        keys.issue(alice, now=NOW)
        keys.issue(bob, now=NOW)
        alices = ApiKey.objects.get(user=alice)
        ApiKey.objects.filter(user=bob).update(key_encrypted=alices.key_encrypted)

        with pytest.raises(vault.Unreadable):
            keys.reveal(bob)

    def test_says_so_when_there_is_none(self) -> None:
        with pytest.raises(ApiKey.DoesNotExist):
            keys.reveal(member())


@pytest.mark.django_db
class TestFind:
    def test_tells_who_calls_by_one_query(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        member("bob")
        user = member("alice")
        key = keys.issue(user, now=NOW)

        with django_assert_num_queries(1):
            caller = keys.find(key, address=ADDRESS)

        user.refresh_from_db()
        assert caller == keys.Caller(user_id=user.pk, key_hmac=bytes(user.api_key_hmac or b""))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda key: "",
            lambda key: key[:-1],
            lambda key: key + "0",
            lambda key: key + " ",
            lambda key: key + "\n",
            lambda key: " " + key,
            lambda key: key[:-1] + "\x00",
            lambda key: "A" + key[1:],
            lambda key: "g" + key[1:],
            lambda key: "１" + key[1:],
            lambda key: key * 100_000,
            lambda key: "' OR 1=1 --".ljust(32),
            lambda key: "%" * 32,
        ],
    )
    def test_knows_nobody_by_what_cannot_be_a_key(
        self, spoil: Callable[[str], str], django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        key = keys.issue(member(), now=NOW)

        with django_assert_num_queries(0):
            assert keys.find(spoil(key), address=ADDRESS) is None

    def test_knows_nobody_by_an_unknown_key(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        key = keys.issue(member(), now=NOW)
        other = ("1" if key[0] == "0" else "0") + key[1:]

        with django_assert_num_queries(1):
            assert keys.find(other, address=ADDRESS) is None

    def test_knows_nobody_who_is_suspended(self) -> None:
        user = member()
        key = keys.issue(user, now=NOW)

        users.suspend(user)
        assert keys.find(key, address=ADDRESS) is None

        users.resume(user)
        assert keys.find(key, address=ADDRESS) is not None

    def test_reads_no_other_users(self) -> None:
        found = plan(keys.CALLER._statement._django_sql, b"of a key")

        assert "an_api_key_opens_one_door" in found

    def test_knows_nobody_from_an_address_that_is_not_listed(self) -> None:
        user = member()
        key = keys.issue(user, now=NOW)
        networks.save(user, "203.0.113.0/24")

        assert keys.find(key, address="203.0.113.7") is not None
        assert keys.find(key, address="198.51.100.7") is None
        assert keys.find(key, address=None) is None

    def test_asks_no_address_where_no_list_is_kept(self) -> None:
        key = keys.issue(member(), now=NOW)

        assert keys.find(key, address=None) is not None

    def test_knows_nobody_under_another_secret(self, settings: Settings) -> None:
        key = keys.issue(member(), now=NOW)

        settings.SECRET_KEY = "another secret that is not the one the key was issued under"

        assert keys.find(key, address=ADDRESS) is None

    def test_gives_a_caller_that_nobody_can_change(self) -> None:
        caller = found(keys.issue(member(), now=NOW))

        with pytest.raises(AttributeError, match="immutable"):
            caller.user_id = 1  # type: ignore[misc]


@pytest.mark.django_db
class TestTouch:
    def test_notes_the_first_use(self) -> None:
        key = keys.issue(member(), now=NOW)

        keys.touch(found(key), address=ADDRESS, now=NOW)

        assert noted() == (NOW, ADDRESS)

    def test_writes_nothing_within_a_minute(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        caller = found(keys.issue(member(), now=NOW))
        keys.touch(caller, address=ADDRESS, now=NOW)

        with django_assert_num_queries(0):
            keys.touch(caller, address="::1", now=NOW + timedelta(seconds=59))

    def test_notes_a_use_a_minute_later(self) -> None:
        caller = found(keys.issue(member(), now=NOW))
        keys.touch(caller, address=ADDRESS, now=NOW)
        later = NOW + timedelta(seconds=60)

        keys.touch(caller, address=None, now=later)

        assert noted() == (later, None)

    def test_leaves_what_another_process_noted_within_the_minute(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caller = found(keys.issue(member(), now=NOW))
        keys.touch(caller, address=ADDRESS, now=NOW)
        monkeypatch.setattr(keys, "_TOUCHED", {})

        keys.touch(caller, address="::1", now=NOW + timedelta(seconds=1))

        assert noted() == (NOW, ADDRESS)

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_no_disk(self) -> None:
        caller = found(keys.issue(member(), now=NOW))
        waits = []

        def look(execute: Callable[..., object], sql: str, *rest: object) -> object:
            if connection.vendor == "sqlite":
                waits.append(connection.connection.execute("PRAGMA synchronous").fetchone() == (2,))
            else:
                waits.append("set_config('synchronous_commit', 'off', true)" not in sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(look):
            keys.touch(caller, address=ADDRESS, now=NOW)

        assert waits == [False]

    def test_touches_no_other_key(self) -> None:
        keys.issue(member("bob"), now=NOW)
        alice = member("alice")
        caller = found(keys.issue(alice, now=NOW))

        keys.touch(caller, address=ADDRESS, now=NOW)

        assert ApiKey.objects.exclude(user=alice).get().last_used_at is None

    def test_says_of_a_new_key_nothing_that_the_old_one_did(self) -> None:
        user = member()
        caller = found(keys.issue(user, now=NOW))
        keys.issue(user, now=NOW)

        keys.touch(caller, address=ADDRESS, now=NOW)

        assert not ApiKey.objects.exclude(last_used_at=None).exists()

    def test_remembers_so_many_keys_at_the_most(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keys, "_TOUCHED", {})
        monkeypatch.setattr(keys, "TOUCHED_MAX", 2)
        for name in ("alice", "bob", "carol"):
            keys.touch(found(keys.issue(member(name), now=NOW)), address=ADDRESS, now=NOW)

        assert len(keys._TOUCHED) == 1
        assert ApiKey.objects.filter(last_used_at=NOW).count() == 3


@pytest.mark.django_db
class TestClaim:
    def test_is_there_for_who_was_here_within_the_minute(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        key = keys.issue(member(), now=NOW)
        caller = found(key)
        keys.touch(caller, address=ADDRESS, now=NOW)

        with django_assert_num_queries(0):
            claim = keys.claim(key, address="::1", now=NOW + timedelta(seconds=59))

        assert claim == keys.Claim(caller, "::1")

    def test_is_not_there_for_anybody_else(self) -> None:
        old, new = (keys.issue(member(name), now=NOW) for name in ("alice", "bob"))
        keys.touch(found(old), address=ADDRESS, now=NOW)

        assert keys.claim(old, address=ADDRESS, now=NOW + timedelta(seconds=60)) is None
        assert keys.claim(new, address=ADDRESS, now=NOW) is None
        assert keys.claim(f"{old} ", address=ADDRESS, now=NOW) is None

    def test_tells_what_was_looked_up_last(self) -> None:
        user = member()
        key = keys.issue(user, now=NOW)
        keys.touch(found(key), address=ADDRESS, now=NOW)
        throttle.set_limit(user, 7)
        keys.touch(found(key), address=ADDRESS, now=NOW + timedelta(seconds=30))

        claim = keys.claim(key, address=ADDRESS, now=NOW + timedelta(seconds=59))

        assert claim is not None
        assert claim.caller.calls_per_minute == 7
        assert keys.claim(key, address=ADDRESS, now=NOW + timedelta(seconds=60)) is None


@pytest.mark.django_db
class TestStanding:
    def test_holds_all_that_are_as_they_were(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        claims = [claimed(keys.issue(member(name), now=NOW)) for name in ("alice", "bob")]

        with django_assert_num_queries(1):
            standing = looked_at(claims)

        assert [standing.holds(claim) for claim in claims] == [True, True]

    @pytest.mark.parametrize(
        "change",
        [
            lambda alice: keys.issue(alice, now=NOW),
            lambda alice: User.objects.filter(pk=alice.pk).update(is_active=False),
            lambda alice: User.objects.filter(pk=alice.pk).update(api_networks="198.51.100.7"),
            lambda alice: throttle.set_limit(alice, 7),
            lambda alice: User.objects.filter(pk=alice.pk).update(api_key_hmac=None),
        ],
    )
    def test_holds_nothing_that_has_changed(self, change: Callable[[User], object]) -> None:
        alice, bob = member("alice"), member("bob")
        claims = [claimed(keys.issue(user, now=NOW)) for user in (alice, bob)]

        change(alice)

        standing = looked_at(claims)
        assert [standing.holds(claim) for claim in claims] == [False, True]

    def test_looks_at_the_address_of_each_call(self) -> None:
        alice = member("alice")
        there = claimed(keys.issue(alice, now=NOW))
        elsewhere = keys.Claim(there.caller, "198.51.100.7")
        User.objects.filter(pk=alice.pk).update(api_networks=ADDRESS)

        standing = looked_at([there, elsewhere])

        assert standing.holds(there)
        assert not standing.holds(elsewhere)


def claimed(key: str) -> keys.Claim:
    return keys.Claim(found(key), ADDRESS)


def looked_at(claims: list[keys.Claim]) -> keys.Standing:
    statement, values = keys.Standing.ask(claims)
    return keys.Standing(statement.rows(*values))


def noted() -> tuple[datetime | None, str | None]:
    key = ApiKey.objects.get()
    return key.last_used_at, key.last_used_from
