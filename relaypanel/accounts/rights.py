"""What a member of staff may look at and change: an owner everything, others by their staff role.

Owners alone give and take rights, so that nobody gives rights to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from django.db import IntegrityError, transaction

from relaypanel import errors
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import Role, Section, StaffRight, StaffRole, User


class Level(Enum):
    VIEW = "view"
    EDIT = "edit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """The sections that are open, each with how far."""

    levels: Mapping[Section, Level]

    def may_view(self, section: Section) -> bool:
        return section in self.levels

    def may_edit(self, section: Section) -> bool:
        return self.levels.get(section) is Level.EDIT


NOTHING: Final = Rights(levels={})
EVERYTHING: Final = Rights(levels=dict.fromkeys(Section, Level.EDIT))


class OwnersOnly(errors.Refused):
    """Owners alone give and take rights."""

    code = "owners_only"


class LastOwner(errors.Refused):
    """Nobody would be left who can give rights."""

    code = "last_owner"


class NoSuchRole(errors.Refused):
    """`names` are those that there are."""

    code = "no_such_staff_role"

    def __init__(self, *, names: list[str]) -> None:
        self.names = names
        super().__init__(f"There is no such staff role. There are: {', '.join(names) or 'none'}.")


class BadRoleName(errors.Refused):
    code = "bad_staff_role_name"


class RoleNameTaken(errors.Refused):
    code = "staff_role_name_taken"


class RoleInUse(errors.Refused):
    """`members` have it still."""

    code = "staff_role_in_use"

    def __init__(self, *, members: int) -> None:
        self.members = members
        super().__init__(f"{members} members of staff have this role")


def of(user: User) -> Rights:
    """Return what this user may do at the desk; a customer, or somebody suspended: nothing."""
    if not user.is_active or user.role == Role.CUSTOMER:
        return NOTHING
    if user.role == Role.OWNER:
        return EVERYTHING
    return of_role(user.staff_role_id)


def of_role(role_id: int | None) -> Rights:
    rows = StaffRight.objects.filter(role_id=role_id).values_list("section", "may_edit")
    return Rights(
        levels={
            Section(section): Level.EDIT if may_edit else Level.VIEW for section, may_edit in rows
        }
    )


def named(name: str) -> StaffRole:
    """Return the staff role of this name, in any case of its letters.  Raises NoSuchRole."""
    return _there(StaffRole.objects.filter(name__iexact=name).first())


def save_role(
    *, name: str, levels: Mapping[Section, Level], by: Actor, now: datetime, role_id: int | None
) -> StaffRole:
    """Write a staff role, a new one if `role_id` is None, and return it.

    Raises OwnersOnly, NoSuchRole, BadRoleName and RoleNameTaken.
    """
    name = name.strip()
    if not 0 < len(name) <= 60 or "\0" in name:
        raise BadRoleName
    try:
        with transaction.atomic():
            check_owner(by)
            role = StaffRole() if role_id is None else _locked_role(role_id)
            before = _told(role) if role_id is not None else {}
            role.name = name
            role.save()
            role.rights.all().delete()
            StaffRight.objects.bulk_create(
                StaffRight(role=role, section=section, may_edit=level is Level.EDIT)
                for section, level in levels.items()
            )
            audit_log.record(
                by=by,
                act="staff_role.save",
                subject=("staff_role", role.pk),
                before=before,
                after=_told(role),
                now=now,
            )
    except IntegrityError:
        raise RoleNameTaken from None
    return role


def remove_role(*, role_id: int, by: Actor, now: datetime) -> None:
    """Raises OwnersOnly, NoSuchRole and RoleInUse."""
    with transaction.atomic():
        check_owner(by)
        role = _locked_role(role_id)
        members = role.members.count()
        if members:
            raise RoleInUse(members=members)
        audit_log.record(
            by=by,
            act="staff_role.remove",
            subject=("staff_role", role.pk),
            before=_told(role),
            now=now,
        )
        role.delete()


def appoint(
    *, user_id: int, role: Role, staff_role_id: int | None, by: Actor, now: datetime
) -> User:
    """Make somebody a customer, a member of staff with this staff role, or an owner.

    Raises OwnersOnly, NoSuchRole and LastOwner.
    """
    with transaction.atomic():
        check_owner(by)
        owners = lock_owners()
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        if owners == {user.pk} and role != Role.OWNER:
            raise LastOwner
        before = _place(user)
        user.role = role
        user.staff_role = _locked_role(staff_role_id) if role == Role.STAFF else None
        user.save(update_fields=["role", "staff_role"])
        audit_log.record(
            by=by,
            act="user.appoint",
            subject=("user", user.pk),
            before=before,
            after=_place(user),
            now=now,
        )
    return user


def lock_owners() -> set[int]:
    """Return the owners who can sign in, locked, so that two do not take each other's place."""
    owners = User.objects.filter(role=Role.OWNER, is_active=True)
    locked = owners.select_for_update(no_key=True).order_by("pk")
    return set(locked.values_list("pk", flat=True))


def check_owner(by: Actor) -> None:
    """Raise OwnersOnly unless an owner acts, or somebody at the command line."""
    if by.user_id is None:
        return
    if not User.objects.filter(pk=by.user_id, role=Role.OWNER, is_active=True).exists():
        raise OwnersOnly


def _locked_role(role_id: int | None) -> StaffRole:
    if role_id is None:
        return _there(None)
    role = StaffRole.objects.select_for_update(no_key=True).filter(pk=role_id).first()
    return _there(role)


def _there(role: StaffRole | None) -> StaffRole:
    if role is None:
        raise NoSuchRole(
            names=list(StaffRole.objects.order_by("name").values_list("name", flat=True))
        )
    return role


def _told(role: StaffRole) -> dict[str, str]:
    levels = of_role(role.pk).levels
    return {"name": role.name} | {section.value: level.value for section, level in levels.items()}


def _place(user: User) -> dict[str, str]:
    staff_role = user.staff_role.name if user.staff_role else ""
    return {"role": str(user.role), "staff_role": staff_role}
