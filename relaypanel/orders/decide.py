"""Staff's answer to what customers ask of their orders: a cancel, or a refill.

A provider's orders are forwarded by the worker without anybody's help; what stays open here is
of orders done by hand, or was refused upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from relaypanel import errors
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.ledger import book
from relaypanel.orders import refund, schedules, states
from relaypanel.orders.models import (
    ACTIVE,
    FINAL,
    OPEN_REFILL,
    CancelRequest,
    CancelState,
    Order,
    Refill,
    RefillState,
    Status,
)

PAGE: Final = 50
REASON_CHARACTERS_MAX: Final = 400


class CancelVerdict(Enum):
    APPROVE = "approve"  # the order ends canceled, and its customer gets back what is not used up
    REJECT = "reject"  # the order goes on; for a reason
    FORWARD = "forward"  # its provider is asked, or asked again


class RefillVerdict(Enum):
    FORWARD = "forward"  # its provider is asked at once
    TAKE = "take"  # a person works on it
    DONE = "done"
    REJECT = "reject"  # for a reason


class NoSuchRequest(errors.Refused):
    code = "no_such_request"


class NotOpen(errors.Refused):
    """Somebody or something has answered it already."""

    code = "request_not_open"


class ReasonNeeded(errors.Refused):
    code = "reason_needed"


class NotForwardable(errors.Refused):
    """No provider has the order."""

    code = "request_not_forwardable"


class TooEarlyToEnd(errors.Refused):
    """The order is being sent, or may be upstream: only its answer tells."""

    code = "order_not_to_be_ended_yet"


def cancels(*, after_id: int = 0) -> list[CancelRequest]:
    """Return the open cancel requests past an ID, oldest first: one more than PAGE if there are."""
    rows = CancelRequest.objects.filter(_OPEN_CANCEL, pk__gt=after_id)
    return list(_with_orders(rows).order_by("pk")[: PAGE + 1])


def refills(*, after_id: int = 0) -> list[Refill]:
    """The same of open refills."""
    rows = Refill.objects.filter(state__in=OPEN_REFILL, pk__gt=after_id)
    return list(_with_orders(rows).order_by("pk")[: PAGE + 1])


def cancel(
    *, request_id: int, verdict: CancelVerdict, by: Actor, now: datetime, reason: str = ""
) -> None:
    """Answer a cancel request.

    Raises NoSuchRequest, NotOpen, ReasonNeeded, NotForwardable and TooEarlyToEnd.
    """
    reason = _checked(reason, needed=verdict is CancelVerdict.REJECT)
    with transaction.atomic():
        request = _held(CancelRequest.objects.all(), request_id)
        if request.state not in (CancelState.ASKED, CancelState.FORWARDED):
            raise NotOpen
        before = {"state": str(request.state), "order": request.order.pk}
        _CANCELS[verdict](request, reason, now)
        request.refresh_from_db(fields=["state"])
        _write(request, f"cancel.{verdict.value}", before, reason, by=by, now=now)


def refill(
    *, refill_id: int, verdict: RefillVerdict, by: Actor, now: datetime, reason: str = ""
) -> None:
    """Answer a refill.  Raises NoSuchRequest, NotOpen, ReasonNeeded and NotForwardable."""
    reason = _checked(reason, needed=verdict is RefillVerdict.REJECT)
    with transaction.atomic():
        held = _held(Refill.objects.all(), refill_id)
        if held.state not in OPEN_REFILL:
            raise NotOpen
        before = {"state": str(held.state), "order": held.order.pk}
        _REFILLS[verdict](held, reason, now)
        _write(held, f"refill.{verdict.value}", before, reason, by=by, now=now)


# A cancel that its provider has in hand waits for the provider, not for staff.
_OPEN_CANCEL: Final = Q(state=CancelState.ASKED) | Q(
    state=CancelState.FORWARDED, order__status__in=ACTIVE
)


def _with_orders(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.select_related("order__service", "order__user", "order__provider")


def _checked(reason: str, *, needed: bool) -> str:
    reason = reason.replace("\0", "").strip()
    if (needed and not reason) or len(reason) > REASON_CHARACTERS_MAX:
        raise ReasonNeeded(f"a reason of at most {REASON_CHARACTERS_MAX} characters is needed")
    return reason


def _held(rows: QuerySet[Any], pk: int) -> Any:
    """Return the request with its order, both locked."""
    user_id = rows.filter(pk=pk).values_list("order__user_id", flat=True).first()
    if user_id is None:
        raise NoSuchRequest
    # The account before the order, as everywhere, so that no two wait for each other.
    book.lock([user_id])
    order_id = rows.filter(pk=pk).values("order_id")
    order = Order.objects.select_for_update(of=("self",), no_key=True).get(pk__in=order_id)
    held = rows.select_for_update(of=("self",), no_key=True).get(pk=pk)
    held.order = order
    return held


def _approve(request: CancelRequest, _reason: str, now: datetime) -> None:
    order = request.order
    if order.status in (Status.SENDING, Status.UNCONFIRMED) or order.may_be_upstream:
        raise TooEarlyToEnd
    if order.status in FINAL:
        raise NotOpen
    refund.end(order, to=Status.CANCELED, now=now, reason="cancel_approved")
    schedules.follow_correction(order, now=now)


def _reject_cancel(request: CancelRequest, reason: str, now: datetime) -> None:
    CancelRequest.objects.filter(pk=request.pk).update(state=CancelState.REFUSED)
    states.record([request.order], now=now, reason="cancel_rejected", detail=reason)


def _forward_cancel(request: CancelRequest, _reason: str, now: datetime) -> None:
    order = request.order
    if order.provider_id is None or order.status not in ACTIVE:
        raise NotForwardable
    CancelRequest.objects.filter(pk=request.pk).update(
        state=CancelState.ASKED, due_at=now, attempts=0
    )


def _forward_refill(held: Refill, _reason: str, now: datetime) -> None:
    if held.order.provider_id is None or held.order.upstream_id is None:
        raise NotForwardable
    _move(held, RefillState(held.state), due_at=now, attempts=0)


def _take(held: Refill, _reason: str, now: datetime) -> None:
    _move(held, RefillState.IN_PROGRESS)
    states.record([held.order], now=now, reason="refill_taken_by_staff")


def _done(held: Refill, reason: str, now: datetime) -> None:
    _move(held, RefillState.COMPLETED, ended_at=now)
    states.record([held.order], now=now, reason="refill_completed", detail=reason)


def _reject_refill(held: Refill, reason: str, now: datetime) -> None:
    _move(held, RefillState.REJECTED, ended_at=now)
    states.record([held.order], now=now, reason="refill_rejected", detail=reason)


def _move(held: Refill, to: RefillState, **changes: object) -> None:
    held.state = to
    Refill.objects.filter(pk=held.pk).update(state=to, **changes)


_CANCELS: Final[Mapping[CancelVerdict, Callable[[CancelRequest, str, datetime], None]]] = {
    CancelVerdict.APPROVE: _approve,
    CancelVerdict.REJECT: _reject_cancel,
    CancelVerdict.FORWARD: _forward_cancel,
}
_REFILLS: Final[Mapping[RefillVerdict, Callable[[Refill, str, datetime], None]]] = {
    RefillVerdict.FORWARD: _forward_refill,
    RefillVerdict.TAKE: _take,
    RefillVerdict.DONE: _done,
    RefillVerdict.REJECT: _reject_refill,
}


def _write(
    request: CancelRequest | Refill,
    act: str,
    before: Mapping[str, object],
    reason: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    kind = "refill" if isinstance(request, Refill) else "cancel"
    said = {"reason": reason} if reason else {}
    audit_log.record(
        by=by,
        act=act,
        subject=(kind, request.pk),
        before=before,
        after={"state": str(request.state)} | said,
        now=now,
    )
