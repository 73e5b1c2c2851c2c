"""Keys of the admin API: shown once, found by an HMAC, bounded by scopes and rights.

Owners alone make and revoke them: a key in an owner's name would lend an owner's rights.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from relaypanel import errors
from relaypanel.accounts import audit_log, rights
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.keys import TOUCH_EVERY
from relaypanel.accounts.models import AdminKey, Role, Scope, Section, User

NAME_CHARACTERS_MAX: Final = 60
# 256 random bits, as long as the keys that the market's programs are used to.
_KEY: Final = re.compile(r"[0-9a-f]{64}")

# The section of the desk in which somebody needs the right that a scope lends to a key, and
# whether to edit there.
SECTIONS: Final = {
    Scope.ORDERS_READ: (Section.ORDERS, False),
    Scope.ORDERS_WORK: (Section.ORDERS, True),
    Scope.ORDERS_WRITE: (Section.ORDERS, True),
    Scope.PAYMENTS_READ: (Section.MONEY, False),
    Scope.PAYMENTS_WRITE: (Section.MONEY, True),
    Scope.USERS_READ: (Section.USERS, False),
    Scope.USERS_WRITE: (Section.USERS, True),
    Scope.TICKETS_READ: (Section.TICKETS, False),
    Scope.TICKETS_WRITE: (Section.TICKETS, True),
}


class BadKeyName(errors.Refused):
    code = "bad_admin_key_name"


class NoScopes(errors.Refused):
    code = "admin_key_without_scopes"


class NotOfTheStaff(errors.Refused):
    code = "not_of_the_staff"


class NoSuchAdminKey(errors.Refused):
    code = "no_such_admin_key"


def issue(
    *,
    name: str,
    user: User,
    scopes: Collection[Scope],
    by: Actor,
    now: datetime,
    service_ids: Collection[int] = (),
) -> tuple[AdminKey, str]:
    """Return a new key and its text, which nobody can ever be shown again.

    Raises BadKeyName, NoScopes, NotOfTheStaff and rights.OwnersOnly.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_CHARACTERS_MAX:
        raise BadKeyName
    if not scopes:
        raise NoScopes
    if user.role == Role.CUSTOMER:
        raise NotOfTheStaff
    text = secrets.token_hex(32)
    with transaction.atomic():
        rights.check_owner(by)
        key = AdminKey.objects.create(
            name=name,
            user=user,
            key_hmac=_hmac(text),
            last_four=text[-4:],
            scopes=sorted(scopes),
            service_ids=sorted(service_ids),
            created_at=now,
        )
        after = {"name": name, "user": user.pk, "scopes": key.scopes, "services": key.service_ids}
        audit_log.record(
            by=by, act="admin_api.issue", subject=("admin_key", key.pk), after=after, now=now
        )
    return key, text


def revoke(key_id: int, *, by: Actor, now: datetime) -> AdminKey:
    """Let a key open nothing any more, and return it.

    Raises NoSuchAdminKey and rights.OwnersOnly.
    """
    with transaction.atomic():
        rights.check_owner(by)
        live = AdminKey.objects.filter(pk=key_id, revoked_at=None)
        if not live.update(revoked_at=now):
            raise NoSuchAdminKey
        audit_log.record(by=by, act="admin_api.revoke", subject=("admin_key", key_id), now=now)
    return AdminKey.objects.get(pk=key_id)


def listed() -> Sequence[AdminKey]:
    """Return all keys, the latest first."""
    return list(AdminKey.objects.select_related("user").order_by("-pk"))


def find(text: str) -> AdminKey | None:
    """Return the live key with this text and its user; None: there is none, and no hint why."""
    if not _KEY.fullmatch(text):
        return None
    live = AdminKey.objects.filter(key_hmac=_hmac(text), revoked_at=None, user__is_active=True)
    return live.exclude(user__role=Role.CUSTOMER).select_related("user").first()


def opens(key: AdminKey, scope: Scope) -> bool:
    """Whether the key has the scope, and its user still the right behind it."""
    if scope not in key.scopes:
        return False
    section, is_edit = SECTIONS[scope]
    held = rights.of(key.user)
    return held.may_edit(section) if is_edit else held.may_view(section)


def shows_money(key: AdminKey) -> bool:
    """Whether amounts are told to the key: not to suppliers, nor to those who may see none."""
    return not key.service_ids and rights.of(key.user).may_view(Section.MONEY)


def touch(key: AdminKey, *, address: str | None, now: datetime) -> None:
    """Note that the key was used, at most once in keys.TOUCH_EVERY."""
    AdminKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=now - TOUCH_EVERY), pk=key.pk
    ).update(last_used_at=now, last_used_from=address)


def _hmac(text: str) -> bytes:
    return salted_hmac("relaypanel.accounts.admin_keys", text, algorithm="sha256").digest()
