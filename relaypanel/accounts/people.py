"""People as staff look after them: found, shut out and let back in.

Owners alone do so with other staff: whoever may suspend customers must not suspend the owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from relaypanel import errors
from relaypanel.accounts import audit_log, keys, rights, throttle
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import ApiKey, Role, User

PAGE: Final = 50
REASON_CHARACTERS_MAX: Final = 400
# What a key spends at most: throttle.py counts in whole calls.
CALLS_MAX: Final = 1_000_000


class NoSuchPerson(errors.Refused):
    code = "no_such_person"


class ReasonNeeded(errors.Refused):
    code = "reason_needed"


class BadLimit(errors.Refused):
    code = "bad_call_limit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which people to show; what is None or empty keeps nobody out."""

    # A part of the username or of the e-mail address, or the ID.
    text: str = ""
    role: Role | None = None
    is_active: bool | None = None


def page(wanted: Wanted, *, before_id: int | None = None) -> list[User]:
    """Return the newest people below `before_id`: one more than PAGE if there are more."""
    rows = User.objects.select_related("staff_role", "account", "discount")
    if wanted.text:
        named = Q(username__icontains=wanted.text) | Q(email__icontains=wanted.text)
        rows = rows.filter(named | Q(pk=_number(wanted.text)))
    if wanted.role is not None:
        rows = rows.filter(role=wanted.role)
    if wanted.is_active is not None:
        rows = rows.filter(is_active=wanted.is_active)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows.order_by("-pk")[: PAGE + 1])


def one(user_id: int) -> User | None:
    """Return somebody with balance and discount; None: there is nobody."""
    rows = User.objects.select_related("staff_role", "account", "discount")
    return rows.filter(pk=user_id).first()


def customers(
    *,
    username: str | None = None,
    email: str | None = None,
    before_id: int | None = None,
    offset: int = 0,
    limit: int,
) -> list[User]:
    """Return customers, the latest first; names are found whole, in any case of their letters."""
    rows = User.objects.filter(role=Role.CUSTOMER)
    if username is not None:
        rows = rows.filter(Exact(Lower("username"), username.lower()))
    if email is not None:
        rows = rows.filter(Exact(Lower("email"), email.lower()))
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows.order_by("-pk")[offset : offset + limit])


def customer(user_id: int) -> User | None:
    return User.objects.filter(role=Role.CUSTOMER, pk=user_id).first()


def live_key(user: User) -> ApiKey | None:
    return ApiKey.objects.filter(user=user, revoked_at=None).first()


def suspend(*, user_id: int, reason: str, by: Actor, now: datetime) -> User:
    """Shut somebody out, pages and API alike; orders already placed go on.

    Raises NoSuchPerson, ReasonNeeded, rights.OwnersOnly and rights.LastOwner.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise ReasonNeeded
    with transaction.atomic():
        owners = rights.lock_owners()
        user = held(user_id, by=by)
        if owners == {user.pk}:
            raise rights.LastOwner
        _set_active(user, is_active=False, by=by, reason=reason, now=now)
    return user


def resume(*, user_id: int, by: Actor, now: datetime) -> User:
    with transaction.atomic():
        user = held(user_id, by=by)
        _set_active(user, is_active=True, by=by, reason="", now=now)
    return user


def revoke_key(*, user_id: int, by: Actor, now: datetime) -> User:
    """Kill somebody's API key: a new one takes its place, which they alone can look at."""
    with transaction.atomic():
        user = held(user_id, by=by)
        keys.issue(user, now=now)
        audit_log.record(by=by, act="user.new_api_key", subject=("user", user.pk), now=now)
    return user


def limit_calls(*, user_id: int, calls_per_minute: int | None, by: Actor, now: datetime) -> User:
    """Say how often somebody may call the API in a minute; 0: any number, None: as everybody."""
    if calls_per_minute is not None and not 0 <= calls_per_minute <= CALLS_MAX:
        raise BadLimit
    with transaction.atomic():
        user = held(user_id, by=by)
        before = {"calls_per_minute": user.api_calls_per_minute}
        throttle.set_limit(user, calls_per_minute)
        audit_log.record(
            by=by,
            act="user.limit_calls",
            subject=("user", user.pk),
            before=before,
            after={"calls_per_minute": calls_per_minute},
            now=now,
        )
    return user


def held(user_id: int, *, by: Actor) -> User:
    """Return somebody, locked, whom this actor may change.  Raises NoSuchPerson, OwnersOnly."""
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NoSuchPerson
    if user.role != Role.CUSTOMER:
        rights.check_owner(by)
    return user


def _set_active(user: User, *, is_active: bool, by: Actor, reason: str, now: datetime) -> None:
    before = {"is_active": user.is_active}
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    audit_log.record(
        by=by,
        act="user.resume" if is_active else "user.suspend",
        subject=("user", user.pk),
        before=before,
        after={"is_active": is_active} | ({"reason": reason} if reason else {}),
        now=now,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
