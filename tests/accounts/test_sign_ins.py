from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError

from relaypanel.accounts import sign_ins
from relaypanel.accounts.models import SignIn, SignInHow, User
from tests import cast
from tests.cast import NOW


def signed_in(user: User, *, now: datetime = NOW, user_agent: str = "Firefox") -> None:
    sign_ins.record(
        user_id=user.pk,
        how=SignInHow.PASSWORD,
        succeeded=True,
        address="203.0.113.7",
        user_agent=user_agent,
        now=now,
    )


@pytest.mark.django_db
class TestRecord:
    def test_writes_when_how_and_from_where(self) -> None:
        user = cast.alice().user

        signed_in(user, user_agent=f"a\0{'x' * 300}")

        [found] = sign_ins.page(user_id=user.pk, now=NOW).sign_ins
        assert (found.at, found.how, found.address) == (NOW, SignInHow.PASSWORD, "203.0.113.7")
        assert found.user_agent == f"a{'x' * 199}"

    def test_takes_what_is_too_old_along_whoever_it_is_of(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        signed_in(bob, now=NOW - sign_ins.KEPT_FOR - timedelta(seconds=1))
        signed_in(bob, now=NOW - sign_ins.KEPT_FOR)

        signed_in(alice)

        assert list(SignIn.objects.filter(user=bob).values_list("at", flat=True)) == [
            NOW - sign_ins.KEPT_FOR
        ]


@pytest.mark.django_db
class TestPage:
    def test_goes_through_the_users_own_once(self) -> None:
        alice = cast.alice().user
        signed_in(cast.bob().user)
        for minutes in range(5):
            signed_in(alice, now=NOW + timedelta(minutes=minutes))

        first = sign_ins.page(user_id=alice.pk, now=NOW, limit=3)
        second = sign_ins.page(user_id=alice.pk, now=NOW, before=first.before, limit=3)

        moments = [one.at for one in (*first.sign_ins, *second.sign_ins)]
        assert moments == [NOW + timedelta(minutes=minutes) for minutes in (4, 3, 2, 1, 0)]
        assert second.before is None

    def test_shows_nothing_that_should_be_gone(self) -> None:
        user = cast.alice().user
        signed_in(user)

        later = NOW + sign_ins.KEPT_FOR + timedelta(seconds=1)

        assert sign_ins.page(user_id=user.pk, now=later).sign_ins == []


@pytest.mark.django_db
class TestMeant:
    @pytest.mark.parametrize("login", ["alice", "ALICE", "Alice@example.com"])
    def test_finds_by_name_and_by_address_in_any_case(self, login: str) -> None:
        user = cast.alice().user
        User.objects.filter(pk=user.pk).update(email="alice@Example.com")

        assert sign_ins.meant(login) == user

    def test_finds_a_name_that_looks_like_an_address(self) -> None:
        user = cast.alice().user
        User.objects.filter(pk=user.pk).update(username="alice@home")

        assert sign_ins.meant("alice@home") == user

    @pytest.mark.parametrize("login", ["", "nobody", "no@body", "\0"])
    def test_finds_nobody(self, login: str) -> None:
        cast.alice()

        assert sign_ins.meant(login) is None


@pytest.mark.django_db
class TestSignIn:
    def test_happens_in_a_way_that_is_known(self) -> None:
        with pytest.raises(IntegrityError):
            SignIn.objects.create(
                user=cast.alice().user, at=NOW, succeeded=True, how="magic", address="203.0.113.7"
            )
