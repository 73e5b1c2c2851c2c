"""What leaves the panel: which letters and calls are due, and what became of each.

A delivery is taken for a minute before it is carried, under a number of the try; an answer counts
for its own try alone.  What fails is tried again after a growing rest, kept in columns.  So a
thing may arrive twice, after a crash between sending and writing it down: a webhook carries the
same ID each time, by which its owner knows it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from relaypanel import vault
from relaypanel.notices import kinds, outbox, webhooks
from relaypanel.notices.kinds import Data
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint, Kind, Notice

log = structlog.get_logger(__name__)

BATCH: Final = 50
# One webhook that is slow gets no more than this of a batch.
BATCH_OF_ONE: Final = 10
# Longer than any try takes.
TAKEN_FOR: Final = timedelta(minutes=1)
# After the first try, the second, …: a day and a half in all, as Standard Webhooks suggests.
RESTS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
)
# A webhook is turned off after so many failures in a row over at least this long.
FAILURES_MAX: Final = 20
FAILING_MAX: Final = timedelta(days=1)
REST_OF_A_WEBHOOK_MAX: Final = timedelta(minutes=5)
# Notices, with their deliveries, are kept for this long.
KEPT_FOR: Final = timedelta(days=90)
_FORGET_BATCH: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One try of one delivery.  With `url` a webhook's call, else a letter to `email`."""

    delivery_id: int
    attempt: int
    notice_id: int
    kind: Kind
    data: Data
    at: datetime
    name: str
    email: str
    # "": the user has chosen none.
    language: str
    endpoint_id: int | None
    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a try went: `status` as HTTP tells it, `error` in words for whoever owns the webhook."""

    is_delivered: bool
    status: int | None = None
    error: str = ""


def take(*, now: datetime) -> list[Parcel]:
    """Return what is due, taken for a minute: nobody else gets it meanwhile."""
    taken = [one for one in _due(now) if _claim(one, now=now)]
    return [parcel for one in taken if (parcel := _parcel(one)) is not None]


def settle(parcel: Parcel, outcome: Outcome, *, now: datetime) -> None:
    """Record how a try went, unless another try has begun since."""
    with transaction.atomic():
        if outcome.is_delivered:
            changes = {"state": DeliveryState.DELIVERED, "ended_at": now}
        elif parcel.attempt > len(RESTS):
            changes = {"state": DeliveryState.GIVEN_UP, "ended_at": now}
        else:
            changes = {"due_at": now + RESTS[parcel.attempt - 1]}
        rows = Delivery.objects.filter(
            pk=parcel.delivery_id, attempts=parcel.attempt, state=DeliveryState.WAITING
        )
        told = {"last_status": outcome.status, "last_error": outcome.error[:200]}
        if rows.update(**changes, **told) and parcel.endpoint_id is not None:
            _judge(parcel.endpoint_id, outcome, now=now)


def forget_old(*, now: datetime) -> int:
    """Remove some of the notices that are older than they are kept, and return how many."""
    old = Notice.objects.filter(at__lt=now - KEPT_FOR).order_by("at").values("pk")[:_FORGET_BATCH]
    ids = list(old.values_list("pk", flat=True))
    if ids:
        Notice.objects.filter(pk__in=ids).delete()
    return len(ids)


def _due(now: datetime) -> Iterable[Delivery]:
    is_called = Q(endpoint=None) | Q(endpoint__disabled_at=None) & (
        Q(endpoint__rests_until=None) | Q(endpoint__rests_until__lte=now)
    )
    rows = Delivery.objects.filter(is_called, state=DeliveryState.WAITING, due_at__lte=now)
    place = Window(RowNumber(), partition_by=[F("endpoint")], order_by=["due_at", "pk"])
    # Letters share one place among the webhooks, and a server that takes many at once.
    fair = Q(endpoint=None) | Q(place__lte=BATCH_OF_ONE)
    ranked = rows.annotate(place=place).filter(fair).order_by("due_at", "pk")
    return ranked.select_related("notice__user", "endpoint")[:BATCH]


def _claim(delivery: Delivery, *, now: datetime) -> bool:
    rows = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.WAITING, attempts=delivery.attempts
    )
    delivery.attempts += 1
    return bool(rows.update(attempts=delivery.attempts, due_at=now + TAKEN_FOR))


def _parcel(delivery: Delivery) -> Parcel | None:
    notice, endpoint = delivery.notice, delivery.endpoint
    user = notice.user
    try:
        secret = webhooks.secret_of(endpoint) if endpoint else ""
    except vault.Unreadable:
        log.warning("webhook_secret_unreadable", endpoint=delivery.endpoint_id)
        return None
    return Parcel(
        delivery_id=delivery.pk,
        attempt=delivery.attempts,
        notice_id=notice.pk,
        kind=Kind(notice.kind),
        data=notice.data,
        at=notice.at,
        name=user.display_name or user.username,
        email=user.email,
        language=user.language,
        endpoint_id=delivery.endpoint_id,
        url=endpoint.url if endpoint else "",
        secret=secret,
    )


def _judge(endpoint_id: int, outcome: Outcome, *, now: datetime) -> None:
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)
    if outcome.is_delivered:
        if endpoint.failures:
            endpoint.failures, endpoint.failing_since, endpoint.rests_until = 0, None, None
            endpoint.save(update_fields=["failures", "failing_since", "rests_until"])
        return
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    rest = min(timedelta(seconds=2 ** min(endpoint.failures, 10)), REST_OF_A_WEBHOOK_MAX)
    endpoint.rests_until = now + rest
    endpoint.save(update_fields=["failures", "failing_since", "rests_until"])
    is_dead = endpoint.failures >= FAILURES_MAX and now >= endpoint.failing_since + FAILING_MAX
    if is_dead and endpoint.disabled_at is None:
        _turn_off(endpoint, now=now)


def _turn_off(endpoint: Endpoint, *, now: datetime) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(disabled_at=now)
    # What still waits is given up; its owner may ask for any of it again.
    Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING).update(
        state=DeliveryState.GIVEN_UP, ended_at=now
    )
    data: kinds.Data = {
        "endpoint": endpoint.pk,
        "url": endpoint.url,
        "at": now.isoformat(timespec="seconds"),
    }
    outbox.tell(user_id=endpoint.user_id, kind=Kind.WEBHOOK_DISABLED, data=data, now=now)
