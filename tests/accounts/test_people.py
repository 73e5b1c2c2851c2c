from __future__ import annotations

import pytest

from relaypanel.accounts import keys, people, rights
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.accounts.models import AuditEntry, Role, User
from relaypanel.accounts.people import Wanted
from tests import cast

pytestmark = pytest.mark.django_db


def appoint(user: User, role: Role, staff_role: str | None = None) -> User:
    role_id = rights.named(staff_role).pk if staff_role else None
    return rights.appoint(
        user_id=user.pk, role=role, staff_role_id=role_id, by=CONSOLE, now=cast.NOW
    )


def manager() -> Actor:
    carol = appoint(cast.carol().user, Role.STAFF, "Manager")
    return Actor(user_id=carol.pk, address=None)


def suspend(user: User, by: Actor = CONSOLE, reason: str = "fraud") -> User:
    return people.suspend(user_id=user.pk, reason=reason, by=by, now=cast.NOW)


class TestPage:
    def test_finds_by_part_of_a_name_an_address_or_the_id(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        User.objects.filter(pk=bob.pk).update(email="bob@shop.example")

        assert people.page(Wanted()) == [bob, alice]
        assert people.page(Wanted(text="LIC")) == [alice]
        assert people.page(Wanted(text="shop.ex")) == [bob]
        assert people.page(Wanted(text=str(alice.pk))) == [alice]
        assert people.page(Wanted(text="9" * 30)) == []
        assert people.page(Wanted(), before_id=bob.pk) == [alice]

    def test_finds_by_role_and_state(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        suspend(alice)

        assert people.page(Wanted(role=Role.STAFF)) == [carol]
        assert people.page(Wanted(is_active=False)) == [alice]
        assert people.page(Wanted(is_active=True)) == [carol]


class TestCustomers:
    def test_are_found_in_any_case_of_their_letters(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        cast.carol()
        User.objects.filter(pk=alice.pk).update(email="Alice@Example.com")

        assert people.customers(limit=9) == [bob, alice]
        assert people.customers(limit=1, offset=1) == [alice]
        assert people.customers(limit=9, before_id=bob.pk) == [alice]
        assert people.customers(limit=9, username="ALICE") == [alice]
        assert people.customers(limit=9, email="alice@EXAMPLE.com") == [alice]

    def test_are_no_staff(self) -> None:
        carol = cast.carol().user

        assert people.customer(carol.pk) is None
        assert people.customer(cast.alice().user.pk) is not None


class TestSuspend:
    def test_shuts_out_and_says_why_in_the_log(self) -> None:
        alice = cast.alice().user

        suspend(alice, by=manager())

        assert not User.objects.get(pk=alice.pk).is_active
        entry = AuditEntry.objects.get(act="user.suspend")
        assert entry.before == {"is_active": True}
        assert entry.after == {"is_active": False, "reason": "fraud"}
        people.resume(user_id=alice.pk, by=CONSOLE, now=cast.NOW)
        assert User.objects.get(pk=alice.pk).is_active

    @pytest.mark.parametrize("reason", ["", " ", "x" * 401])
    def test_needs_a_reason(self, reason: str) -> None:
        with pytest.raises(people.ReasonNeeded):
            suspend(cast.alice().user, reason=reason)

    def test_of_staff_is_for_owners_alone(self) -> None:
        dora = appoint(cast.bob().user, Role.OWNER)
        by = manager()

        with pytest.raises(rights.OwnersOnly):
            suspend(dora, by=by)

        assert User.objects.get(pk=dora.pk).is_active

    def test_leaves_the_last_owner(self) -> None:
        dora = appoint(cast.bob().user, Role.OWNER)

        with pytest.raises(rights.LastOwner):
            suspend(dora)

    def test_of_nobody_is_refused(self) -> None:
        with pytest.raises(people.NoSuchPerson):
            suspend(User(pk=987))


class TestRevokeKey:
    def test_kills_the_old_key_and_tells_nobody_the_new_one(self) -> None:
        alice = cast.alice()

        people.revoke_key(user_id=alice.user.pk, by=CONSOLE, now=cast.NOW)

        assert keys.find(alice.api_key, address=None) is None
        entry = AuditEntry.objects.get(act="user.new_api_key")
        assert (entry.before, entry.after) == ({}, {})
        live = people.live_key(alice.user)
        assert live is not None
        assert live.last_four == keys.reveal(alice.user)[-4:]


class TestLimitCalls:
    def test_is_kept_and_logged(self) -> None:
        alice = cast.alice().user

        people.limit_calls(user_id=alice.pk, calls_per_minute=30, by=CONSOLE, now=cast.NOW)

        person = people.one(alice.pk)
        assert person is not None
        assert person.api_calls_per_minute == 30
        assert AuditEntry.objects.get().after == {"calls_per_minute": 30}

    @pytest.mark.parametrize("calls", [-1, people.CALLS_MAX + 1])
    def test_refuses_what_is_no_limit(self, calls: int) -> None:
        with pytest.raises(people.BadLimit):
            people.limit_calls(
                user_id=cast.alice().user.pk, calls_per_minute=calls, by=CONSOLE, now=cast.NOW
            )
