"""Leases on work that comes back, so that any number of workers share it through the database.

A claim takes what is due, for a few seconds, under a token that grows with every claim.
The worker renews while it works; one that died or slept loses the lease, and its token
finishes nothing any more.  A lease keeps two workers from doing the same work at once; that
no order is sent twice does not rest on it, but on each order's own token.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from relaypanel.duties.models import Duty

# After failures in a row a duty rests longer, up to this.
REST_MAX: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """One claimed duty.  `kind` and `subject` are the two halves of its name: "send:3"."""

    name: str
    token: int
    cursor: int
    failures: int

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def subject(self) -> int:
        return int(self.name.partition(":")[2])


def ensure(names: Collection[str], *, now: datetime) -> None:
    """Make the duties that are not there yet."""
    missing = set(names) - set(Duty.objects.filter(name__in=names).values_list("name", flat=True))
    Duty.objects.bulk_create(
        (Duty(name=name, due_at=now) for name in sorted(missing)), ignore_conflicts=True
    )


def claim(*, limit: int, lasting: timedelta, now: datetime) -> list[Lease]:
    """Return up to `limit` due duties that nobody has, and have them for `lasting`.

    `now` is the database's clock, so that workers whose clocks differ agree.
    """
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Duty.objects.filter(free, due_at__lte=now).order_by("due_at", "pk")
    # Looking costs no lock; on SQLite the transaction below would hold the only one.
    if limit < 1 or not due.exists():
        return []
    with transaction.atomic():
        duties = list(due.select_for_update(skip_locked=True)[:limit])
        Duty.objects.filter(pk__in=[duty.pk for duty in duties]).update(
            leased_until=now + lasting, token=F("token") + 1
        )
    return [
        Lease(name=duty.name, token=duty.token + 1, cursor=duty.cursor, failures=duty.failures)
        for duty in duties
    ]


def renew(leases: Collection[Lease], *, lasting: timedelta, now: datetime) -> None:
    """Have the leases that are still ours for `lasting` from now."""
    for lease in leases:
        _held(lease).update(leased_until=now + lasting)


def is_held(lease: Lease) -> bool:
    """Tell whether a duty is still ours: a worker that slept may have lost it."""
    return _held(lease).exists()


def finish(lease: Lease, *, due_at: datetime, cursor: int = 0) -> bool:
    """Give a duty back, to be done again at `due_at`; False when the lease was lost."""
    return bool(
        _held(lease).update(
            leased_until=None, due_at=due_at, cursor=cursor, failures=0, last_error=""
        )
    )


def fail(lease: Lease, *, error: str, now: datetime) -> None:
    """Give a duty back after a failure, to be tried again after a growing rest."""
    rest = min(timedelta(seconds=2**lease.failures), REST_MAX)
    _held(lease).update(
        leased_until=None,
        due_at=now + rest,
        cursor=lease.cursor,
        failures=min(lease.failures + 1, 10),
        last_error=error[:300],
    )


def _held(lease: Lease) -> QuerySet[Duty]:
    # A duty that was given back is not held, even if nobody has claimed it since.
    return Duty.objects.filter(name=lease.name, token=lease.token, leased_until__isnull=False)
