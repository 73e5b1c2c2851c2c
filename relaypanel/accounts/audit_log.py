"""Who of the staff did what: one row for each act, written in the act's own transaction.

    with transaction.atomic():
        ...the act...
        audit_log.record(by=by, act="order.refund", subject=("order", order.pk), after=..., now=now)

So no act is without its row, and no row without its act.  Rows stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from relaypanel import database
from relaypanel.accounts.models import AuditEntry

PAGE: Final = 50
MASK: Final = "•••"

_SECRETS: Final = re.compile(r"key|password|secret|token|seed|hmac", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who acts, and from where; a user_id of None is somebody at the command line."""

    user_id: int | None
    address: str | None


CONSOLE: Final = Actor(user_id=None, address=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which entries to show; what is None or empty keeps none out."""

    user_id: int | None = None
    act: str = ""
    subject_kind: str = ""
    subject_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(kw_only=True, slots=True)
class Change:
    """What an act changes, filled in while it is done."""

    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def acting(*, by: Actor, act: str, subject: tuple[str, object], now: datetime) -> Iterator[Change]:
    """Make what is done inside one act with one row: both are written, or neither."""
    with transaction.atomic():
        change = Change()
        yield change
        record(by=by, act=act, subject=subject, now=now, before=change.before, after=change.after)


def record(
    *,
    by: Actor,
    act: str,
    subject: tuple[str, object],
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write an act into the log.  The caller's transaction is the act's own.

    `before` and `after` hold what JSON can hold; of what is named like a secret only the name.
    """
    assert database.in_transaction()
    kind, subject_id = subject
    return AuditEntry.objects.create(
        user_id=by.user_id,
        act=act,
        subject_kind=kind,
        subject_id=str(subject_id),
        before=_masked(before or {}),
        after=_masked(after or {}),
        address=by.address,
        at=now,
    )


def page(wanted: Wanted, *, before_id: int | None = None) -> list[AuditEntry]:
    """Return the newest entries below `before_id`, with their people: one more than PAGE if
    there are more.
    """
    rows = _filtered(wanted)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows.select_related("user").order_by("-pk")[: PAGE + 1])


def _filtered(wanted: Wanted) -> QuerySet[AuditEntry]:
    told = {
        "user_id": wanted.user_id,
        "act": wanted.act,
        "subject_kind": wanted.subject_kind,
        "subject_id": wanted.subject_id,
        "at__gte": wanted.since,
        "at__lt": wanted.until,
    }
    return AuditEntry.objects.filter(**{name: value for name, value in told.items() if value})


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {str(key): _masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, name) for inner in value]
    if _SECRETS.search(name) and value not in (None, "", True, False):
        return MASK
    # PostgreSQL keeps no NUL, and a slip of the hand is no reason to undo the act.
    return value.replace("\0", "") if isinstance(value, str) else value
