"""Forwards cancel and refill requests to their provider and records the outcome.

Both may be asked again safely: a provider that was asked twice refuses the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from relaypanel.contract import RefillWord
from relaypanel.orders import states
from relaypanel.orders.models import (
    ACTIVE,
    CancelRequest,
    CancelState,
    Refill,
    RefillState,
)
from relaypanel.providers.answers import Fault, RefillStatus, RefillTaken, Rejected

# How long a request rests when the provider could not be asked, or said "later".
RETRY_AFTER: Final = timedelta(seconds=30)
# How often an open refill is asked about.
FOLLOW_EVERY: Final = timedelta(seconds=60)
BATCH: Final = 100

_LATER = (Fault.RATE_LIMIT, Fault.NO_FUNDS, Fault.BAD_KEY)
_REFILL_STATES = {
    RefillWord.PENDING: RefillState.IN_PROGRESS,
    RefillWord.IN_PROGRESS: RefillState.IN_PROGRESS,
    RefillWord.COMPLETED: RefillState.COMPLETED,
    RefillWord.REJECTED: RefillState.REJECTED,
}


def cancels_due(*, provider_id: int, now: datetime) -> list[CancelRequest]:
    """Return the cancel requests to forward: their orders run upstream under a known ID."""
    return list(
        CancelRequest.objects.filter(
            state=CancelState.ASKED,
            due_at__lte=now,
            order__provider_id=provider_id,
            order__status__in=ACTIVE,
        )
        .select_related("order")
        .order_by("due_at", "pk")[:BATCH]
    )


def settle_cancels(
    *, requests: Sequence[CancelRequest], told: Mapping[str, Rejected | None], now: datetime
) -> None:
    """Apply the provider's answers, by upstream order ID."""
    for request in requests:
        upstream_id = request.order.upstream_id or ""
        if upstream_id not in told:
            _later(request, now=now)
            continue
        answer = told[upstream_id]
        if answer is not None and answer.fault in _LATER:
            _later(request, now=now)
            continue
        _close_cancel(request, answer, now=now)


def refills_due(*, provider_id: int, now: datetime) -> list[Refill]:
    """Return the open refills to forward or to ask about."""
    return list(
        Refill.objects.filter(
            state__in=(RefillState.PENDING, RefillState.IN_PROGRESS),
            due_at__lte=now,
            order__provider_id=provider_id,
        )
        .select_related("order")
        .order_by("due_at", "pk")[:BATCH]
    )


def settle_refills(
    *, refills: Sequence[Refill], told: Mapping[str, RefillTaken | Rejected], now: datetime
) -> None:
    """Apply what the provider said to new refills, by upstream order ID."""
    for refill in refills:
        match told.get(refill.order.upstream_id or ""):
            case RefillTaken(upstream_id=upstream_id):
                _move_refill(
                    refill, RefillState.IN_PROGRESS, now=now, upstream_id=upstream_id, due_at=now
                )
            case Rejected() as no if no.fault not in _LATER:
                _move_refill(refill, RefillState.REJECTED, now=now, detail=no.words)
            case _:
                _later(refill, now=now)


def settle_refill_statuses(
    *, refills: Sequence[Refill], told: Mapping[str, RefillStatus | Rejected], now: datetime
) -> None:
    """Apply how refills stand upstream, by upstream refill ID."""
    for refill in refills:
        answer = told.get(refill.upstream_id or "")
        word = answer.word if isinstance(answer, RefillStatus) else None
        state = _REFILL_STATES[word] if word else RefillState.IN_PROGRESS
        if state is RefillState.IN_PROGRESS:
            Refill.objects.filter(pk=refill.pk).update(due_at=now + _pace(refill, now))
        else:
            _move_refill(refill, state, now=now)


def _pace(refill: Refill, now: datetime) -> timedelta:
    # A young refill is asked about often, because many providers finish one at once.
    age = now - refill.asked_at
    return min(max(age / 10, timedelta(seconds=1)), FOLLOW_EVERY)


def _close_cancel(request: CancelRequest, answer: Rejected | None, *, now: datetime) -> None:
    taken = answer is None
    with transaction.atomic():
        rows = CancelRequest.objects.filter(pk=request.pk, state=CancelState.ASKED)
        if rows.update(state=CancelState.FORWARDED if taken else CancelState.REFUSED):
            states.record(
                [request.order],
                now=now,
                reason="cancel_forwarded" if taken else "cancel_refused",
                detail="" if answer is None else answer.words,
            )


def _move_refill(
    refill: Refill, to: RefillState, *, now: datetime, detail: str = "", **changes: object
) -> None:
    if to in (RefillState.COMPLETED, RefillState.REJECTED):
        changes["ended_at"] = now
    with transaction.atomic():
        rows = Refill.objects.filter(pk=refill.pk, state=refill.state)
        if rows.update(state=to, **changes):
            states.record([refill.order], now=now, reason=f"refill_{to}", detail=detail)


def _later(request: CancelRequest | Refill, *, now: datetime) -> None:
    request.due_at = now + RETRY_AFTER
    request.save(update_fields=["due_at"])
