from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from relaypanel import database
from relaypanel.accounts import audit_log, keys, users
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import Role, User
from relaypanel.ledger import book


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolled:
    """`api_key` in clear, for the user's own eyes: from here on it can only be revealed."""

    user: User
    api_key: str = field(repr=False)


def enrol(
    *, username: str, password: str | None, role: Role, now: datetime, email: str = ""
) -> Enrolled:
    """Return a new user with an account of balance 0 and a first API key: all three, or none.

    Raises what users.create raises.
    """
    with transaction.atomic():
        user = users.create(username=username, password=password, role=role, email=email, now=now)
        return equip(user, now=now)


def enrol_by_staff(
    *, username: str, password: str | None, email: str, by: Actor, now: datetime
) -> User:
    """Return a new customer whom staff have made.  Raises what users.create raises."""
    with transaction.atomic():
        enrolled = enrol(
            username=username, password=password, role=Role.CUSTOMER, email=email, now=now
        )
        user = enrolled.user
        audit_log.record(
            by=by,
            act="user.create",
            subject=("user", user.pk),
            after={"username": user.username, "email": user.email},
            now=now,
        )
    return user


def equip(user: User, *, now: datetime) -> Enrolled:
    """Give a new user what each has: an account of balance 0 and a first API key.

    The caller's transaction made the user, so that nobody is left with the half of it.
    """
    assert database.in_transaction()
    book.open_account(user)
    return Enrolled(user=user, api_key=keys.issue(user, now=now))
