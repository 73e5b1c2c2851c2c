from __future__ import annotations

import pytest

from relaypanel.accounts import rights
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.accounts.models import AuditEntry, Role, Section, StaffRole, User
from relaypanel.accounts.rights import Level
from tests import cast

pytestmark = pytest.mark.django_db


def owner() -> User:
    user = cast.bob().user
    appoint(user, Role.OWNER)
    return User.objects.get(pk=user.pk)


def by(user: User) -> Actor:
    return Actor(user_id=user.pk, address="192.0.2.7")


def appoint(
    user: User, role: Role, staff_role: StaffRole | None = None, actor: Actor = CONSOLE
) -> User:
    return rights.appoint(
        user_id=user.pk,
        role=role,
        staff_role_id=staff_role.pk if staff_role else None,
        by=actor,
        now=cast.NOW,
    )


def saved(name: str = "Cook", actor: Actor = CONSOLE, role_id: int | None = None) -> StaffRole:
    levels = {Section.ORDERS: Level.EDIT, Section.USERS: Level.VIEW}
    return rights.save_role(name=name, levels=levels, by=actor, now=cast.NOW, role_id=role_id)


class TestOf:
    def test_gives_an_owner_everything(self) -> None:
        found = rights.of(owner())

        assert all(found.may_edit(section) and found.may_view(section) for section in Section)

    def test_gives_staff_what_their_role_opens(self) -> None:
        carol = appoint(cast.carol().user, Role.STAFF, saved())

        found = rights.of(carol)

        assert found.may_edit(Section.ORDERS)
        assert found.may_view(Section.ORDERS)
        assert found.may_view(Section.USERS)
        assert not found.may_edit(Section.USERS)
        assert not found.may_view(Section.MONEY)

    def test_gives_customers_the_suspended_and_those_without_a_role_nothing(self) -> None:
        suspended = owner()
        suspended.is_active = False

        for user in (cast.alice().user, cast.carol().user, suspended):
            assert rights.of(user) == rights.NOTHING


class TestSaveRole:
    def test_writes_what_was_and_what_is_into_the_log(self) -> None:
        role = saved()

        rights.save_role(
            name="Chef",
            levels={Section.MONEY: Level.VIEW},
            by=CONSOLE,
            now=cast.NOW,
            role_id=role.pk,
        )

        entry = AuditEntry.objects.latest("pk")
        assert entry.before == {"name": "Cook", "orders": "edit", "users": "view"}
        assert entry.after == {"name": "Chef", "money": "view"}
        assert rights.named("chef") == role

    @pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\0b"])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        with pytest.raises(rights.BadRoleName):
            saved(name)

    def test_refuses_a_name_that_is_taken_in_any_case(self) -> None:
        saved()

        with pytest.raises(rights.RoleNameTaken):
            saved("COOK")

    def test_is_for_owners_alone(self) -> None:
        carol = appoint(cast.carol().user, Role.STAFF, rights.named("Manager"))

        with pytest.raises(rights.OwnersOnly):
            saved(actor=by(carol))

        assert not StaffRole.objects.filter(name="Cook").exists()
        assert saved(actor=by(owner())).name == "Cook"


class TestRemoveRole:
    def test_refuses_while_somebody_has_it(self) -> None:
        role = saved()
        carol = appoint(cast.carol().user, Role.STAFF, role)

        with pytest.raises(rights.RoleInUse, match="1 members"):
            rights.remove_role(role_id=role.pk, by=CONSOLE, now=cast.NOW)

        appoint(carol, Role.CUSTOMER)
        rights.remove_role(role_id=role.pk, by=CONSOLE, now=cast.NOW)
        assert not StaffRole.objects.filter(pk=role.pk).exists()
        with pytest.raises(rights.NoSuchRole):
            rights.remove_role(role_id=role.pk, by=CONSOLE, now=cast.NOW)


class TestAppoint:
    def test_writes_it_into_the_log(self) -> None:
        appoint(cast.carol().user, Role.STAFF, saved(), actor=by(owner()))

        entry = AuditEntry.objects.latest("pk")
        assert (entry.act, entry.address) == ("user.appoint", "192.0.2.7")
        assert entry.before == {"role": "staff", "staff_role": ""}
        assert entry.after == {"role": "staff", "staff_role": "Cook"}

    def test_is_for_owners_alone(self) -> None:
        carol = appoint(cast.carol().user, Role.STAFF, rights.named("Manager"))

        with pytest.raises(rights.OwnersOnly):
            appoint(carol, Role.OWNER, actor=by(carol))

        assert User.objects.get(pk=carol.pk).role == Role.STAFF

    def test_leaves_the_last_owner(self) -> None:
        bob = owner()

        with pytest.raises(rights.LastOwner):
            appoint(bob, Role.CUSTOMER, actor=by(bob))

        appoint(cast.carol().user, Role.OWNER)
        assert appoint(bob, Role.CUSTOMER, actor=by(bob)).role == Role.CUSTOMER

    def test_needs_a_staff_role_that_is_there(self) -> None:
        with pytest.raises(rights.NoSuchRole, match="Manager, Support"):
            appoint(cast.alice().user, Role.STAFF, None)
