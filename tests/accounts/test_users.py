from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection

from relaypanel.accounts import users
from relaypanel.accounts.models import Role, User
from tests.cast import NOW


@pytest.mark.django_db
class TestCreate:
    def test_gives_a_customer_who_can_sign_in(self) -> None:
        created = users.create(
            username="alice", password="a long sentence", email="alice@example.com", now=NOW
        )

        user = User.objects.get(username="alice")
        assert user == created
        assert (user.role, user.email, user.joined_at) == (Role.CUSTOMER, "alice@example.com", NOW)
        assert user.is_active
        assert user.api_networks == ""
        assert user.check_password("a long sentence")
        assert "a long sentence" not in user.password

    def test_gives_staff_where_asked(self) -> None:
        users.create(username="carol", password=None, role=Role.STAFF, now=NOW)

        assert User.objects.get(username="carol").role == Role.STAFF

    def test_lets_nobody_sign_in_without_a_password(self) -> None:
        user = users.create(username="alice", password=None, now=NOW)

        assert not user.has_usable_password()
        assert not user.check_password("")

    @pytest.mark.parametrize("username", ["bob", "B" * 60, "bob@example.com", "0.9_a+b-c"])
    def test_takes_a_plain_name(self, username: str) -> None:
        users.create(username=username, password=None, now=NOW)

        assert User.objects.get().username == username

    @pytest.mark.parametrize(
        "username",
        [
            "",
            "bo",
            "b" * 61,
            "bob smith",
            " bob",
            "bob\n",
            "bob\x00",
            "bób",
            "воb",  # the first two letters are Cyrillic
            "ｂｏｂ",
            "<b>bob</b>",
            "bob/../etc",
        ],
    )
    def test_refuses_other_names(self, username: str) -> None:
        with pytest.raises(users.BadUsername):
            users.create(username=username, password=None, now=NOW)

        assert not User.objects.exists()

    @pytest.mark.parametrize("username", ["alice", "ALICE", "aLiCe"])
    def test_refuses_a_name_that_is_taken_in_any_case(self, username: str) -> None:
        users.create(username="Alice", password=None, now=NOW)

        with pytest.raises(users.UsernameTaken) as refused:
            users.create(username=username, password=None, now=NOW)

        assert refused.value.username == username
        assert User.objects.get().username == "Alice"

    def test_takes_no_wildcard_for_a_name(self) -> None:
        users.create(username="aXb", password=None, now=NOW)

        users.create(username="a_b", password=None, now=NOW)

        assert User.objects.count() == 2

    @pytest.mark.parametrize("password", ["", "short", "password", "12345678"])
    def test_refuses_a_weak_password_and_says_why(self, password: str) -> None:
        with pytest.raises(users.WeakPassword) as refused:
            users.create(username="alice", password=password, now=NOW)

        assert refused.value.reasons
        assert str(refused.value).startswith("This password is too")
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        "email", ["alice", "alice@", "a b@example.com", "a@example.com\n", f"a@{'b.' * 130}example"]
    )
    def test_refuses_what_is_no_email_address(self, email: str) -> None:
        with pytest.raises(users.BadEmail):
            users.create(username="alice", password=None, email=email, now=NOW)

        assert not User.objects.exists()

    def test_refuses_an_email_address_longer_than_its_column(self) -> None:
        email = f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.example"

        with pytest.raises(users.BadEmail):
            users.create(username="alice", password=None, email=email, now=NOW)

    def test_calls_no_other_broken_rule_a_taken_name(self) -> None:
        with pytest.raises(IntegrityError):
            users.create(username="alice", password=None, role="king", now=NOW)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
class TestCreateAtOnce:
    def test_gives_a_name_to_one_of_many(self) -> None:
        barrier = Barrier(4)

        def create(username: str) -> bool:
            barrier.wait()
            try:
                users.create(username=username, password=None, now=NOW)
            except users.UsernameTaken:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(4) as threads:
            created = list(threads.map(create, ["alice", "Alice", "ALICE", "alicE"]))

        assert sorted(created) == [False, False, False, True]
        assert User.objects.count() == 1


@pytest.mark.django_db
class TestNamed:
    def test_finds_the_user_in_any_case(self) -> None:
        alice = users.create(username="Alice", password=None, now=NOW)

        assert users.named("Alice") == users.named("aLICE") == alice

    @pytest.mark.parametrize(
        "username", ["bob", "alic", "a%", "al_ce", "", "alice\x00", "\udcff" * 3]
    )
    def test_refuses_who_is_not_there(self, username: str) -> None:
        users.create(username="alice", password=None, now=NOW)

        with pytest.raises(users.NoSuchUser, match="There is no user"):
            users.named(username)


@pytest.mark.django_db
class TestSuspend:
    def test_shuts_the_user_out_until_resumed(self) -> None:
        alice = users.create(username="alice", password=None, now=NOW)

        users.suspend(alice)
        assert not User.objects.get().is_active

        users.resume(alice)
        assert User.objects.get().is_active
