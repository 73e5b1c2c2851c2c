"""Forwards cancel and refill requests to their provider and records the outcome.

Both may be asked again safely: a provider that was asked twice refuses the second.  A
request that gets no answer is put again after a growing rest, and given up in the end: then
the timeline of its order tells staff, and the customer may ask anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from relaypanel.contract import RefillWord
from relaypanel.ledger import book
from relaypanel.orders import requests, states
from relaypanel.orders.models import (
    ACTIVE,
    CancelRequest,
    CancelState,
    Order,
    Refill,
    RefillState,
    Status,
)
from relaypanel.providers.answers import Fault, RefillStatus, RefillTaken, Rejected

log = structlog.get_logger(__name__)

# How long a request rests when the provider could not be asked, or said "later": twice as long
# each time, up to REST_MAX.  The attempts take about a day.
RETRY_AFTER: Final = timedelta(seconds=30)
REST_MAX: Final = timedelta(hours=1)
ATTEMPTS_MAX: Final = 30
# A provider that is still at a refill after this long has forgotten it.
FOLLOW_MAX: Final = timedelta(days=30)
BATCH: Final = 100

_LATER = (Fault.RATE_LIMIT, Fault.NO_FUNDS, Fault.BAD_KEY)
_ENDS = {
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


def end_unsent(*, provider_id: int, now: datetime) -> int:
    """End the orders that came back unsent after their cancel was asked, and return how many."""
    asked = CancelRequest.objects.filter(
        state=CancelState.ASKED,
        order__provider_id=provider_id,
        order__status__in=(Status.QUEUED, Status.HELD),
        order__may_be_upstream=False,
    ).order_by("due_at", "pk")
    rows = list(asked.values_list("order_id", "order__user_id")[:BATCH])
    return sum(_end_unsent(order_id, user_id, now=now) for order_id, user_id in rows)


def settle_cancels(
    *, requests: Sequence[CancelRequest], told: Mapping[str, Rejected | None], now: datetime
) -> None:
    """Apply the provider's answers, by upstream order ID; none at all if the call failed."""
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
                    refill,
                    RefillState.IN_PROGRESS,
                    now=now,
                    upstream_id=upstream_id,
                    due_at=now,
                    attempts=0,
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
        match told.get(refill.upstream_id or ""):
            case RefillStatus(word=(RefillWord.COMPLETED | RefillWord.REJECTED) as word):
                _move_refill(refill, _ENDS[word], now=now)
            case _ if now > refill.asked_at + FOLLOW_MAX:
                _give_up(refill, now=now)
            case RefillStatus():
                _follow(refill, now=now)
            case _:
                # It does not know the refill, or says nothing that can be read.
                _later(refill, now=now)


def _follow(refill: Refill, *, now: datetime) -> None:
    # A young refill is asked about often, because many providers finish one at once.
    rest = min(max((now - refill.asked_at) / 10, timedelta(seconds=1)), REST_MAX)
    Refill.objects.filter(pk=refill.pk).update(due_at=now + rest, attempts=0)


def _end_unsent(order_id: int, user_id: int, *, now: datetime) -> bool:
    with transaction.atomic():
        book.lock([user_id])
        order = Order.objects.select_for_update(of=("self",), no_key=True).get(pk=order_id)
        if not requests.is_unsent(order):
            return False
        requests.end_unsent(order, now=now)
    return True


def _close_cancel(request: CancelRequest, answer: Rejected | None, *, now: datetime) -> None:
    if answer is None:
        _move_cancel(request, CancelState.FORWARDED, now=now, reason="cancel_forwarded")
    else:
        _move_cancel(
            request, CancelState.REFUSED, now=now, reason="cancel_refused", detail=answer.words
        )


def _move_cancel(
    request: CancelRequest, to: CancelState, *, now: datetime, reason: str, detail: str = ""
) -> None:
    with transaction.atomic():
        rows = CancelRequest.objects.filter(pk=request.pk, state=CancelState.ASKED)
        if rows.update(state=to, attempts=request.attempts):
            states.record([request.order], now=now, reason=reason, detail=detail)


def _move_refill(
    refill: Refill,
    to: RefillState,
    *,
    now: datetime,
    reason: str = "",
    detail: str = "",
    **changes: object,
) -> None:
    if to in (RefillState.COMPLETED, RefillState.REJECTED):
        changes["ended_at"] = now
    with transaction.atomic():
        rows = Refill.objects.filter(pk=refill.pk, state=refill.state)
        if rows.update(state=to, **changes):
            states.record([refill.order], now=now, reason=reason or f"refill_{to}", detail=detail)


def _later(request: CancelRequest | Refill, *, now: datetime) -> None:
    request.attempts += 1
    if request.attempts >= ATTEMPTS_MAX:
        _give_up(request, now=now)
        return
    # The doubling stops before it could overflow.
    request.due_at = now + min(RETRY_AFTER * 2 ** min(request.attempts - 1, 10), REST_MAX)
    request.save(update_fields=["due_at", "attempts"])


def _give_up(request: CancelRequest | Refill, *, now: datetime) -> None:
    detail = f"no outcome after {request.attempts} attempts"
    log.warning("request_given_up", order=request.order_id, request=type(request).__name__)
    if isinstance(request, Refill):
        _move_refill(
            request, RefillState.REJECTED, now=now, reason="refill_given_up", detail=detail
        )
    else:
        _move_cancel(request, CancelState.REFUSED, now=now, reason="cancel_given_up", detail=detail)
