"""What a customer asks of an order that was placed: to cancel it, or to refill it.

Both are recorded here and forwarded by the worker (forward.py); a cancel gives no money
back before the provider says that the order has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db import transaction

from relaypanel import errors
from relaypanel.contract import RefillWord
from relaypanel.ledger import book
from relaypanel.orders import refund, schedules
from relaypanel.orders.models import (
    FINAL,
    OPEN_REFILL,
    CancelRequest,
    CancelState,
    DripFeed,
    Order,
    Refill,
    RefillState,
    Status,
)

# Two refills of one order keep this distance; so the words of the wire say.
REFILL_GAP: Final = timedelta(hours=24)

# A cancel that was refused is put to its provider again after this long.
ASK_AGAIN_AFTER: Final = timedelta(seconds=60)

REFILL_WORDS: Final = {
    RefillState.PENDING: RefillWord.PENDING,
    RefillState.IN_PROGRESS: RefillWord.IN_PROGRESS,
    RefillState.COMPLETED: RefillWord.COMPLETED,
    RefillState.REJECTED: RefillWord.REJECTED,
}


class OrderNotFound(errors.Refused):
    """There is no such order, or it is somebody else's: the answer is the same."""

    code = "order_not_found"


class CancelDisabled(errors.Refused):
    code = "cancel_disabled"


class CancelTooLate(errors.Refused):
    code = "cancel_too_late"


class RefillDisabled(errors.Refused):
    code = "refill_disabled"


class RefillRunning(errors.Refused):
    code = "refill_running"


class OrderNotCompleted(errors.Refused):
    code = "order_not_completed"


class RefillTooSoon(errors.Refused):
    code = "refill_too_soon"

    def __init__(self, *, until: datetime) -> None:
        self.until = until
        super().__init__(f"not before {until:%Y-%m-%d %H:%M}")


class RefillDaysOver(errors.Refused):
    code = "refill_days_over"


T = TypeVar("T")


def ask_cancel(
    *, user_id: int, order_ids: Sequence[int], now: datetime
) -> dict[int, errors.Refused | None]:
    """Record a cancel request for each order; None says that it was taken.

    Asking again for what was asked is taken and changes nothing; what the provider refused is
    asked anew.
    """
    return _for_each(user_id, order_ids, lambda order: _cancel(order, now))


def ask_refill(
    *, user_id: int, order_ids: Sequence[int], now: datetime
) -> dict[int, errors.Refused | int]:
    """Return the ID of a new refill, or the refusal, for each order."""
    return _for_each(user_id, order_ids, lambda order: open_refill(order, now=now).pk)


def refill_words(*, user_id: int, refill_ids: Sequence[int]) -> dict[int, RefillWord]:
    """Return the state of each refill that is the user's; the others are absent."""
    rows = Refill.objects.filter(pk__in=refill_ids, order__user_id=user_id)
    return {pk: REFILL_WORDS[RefillState(state)] for pk, state in rows.values_list("pk", "state")}


def is_unsent(order: Order) -> bool:
    """Whether it is a provider's to fulfil, and nobody upstream can have heard of it."""
    waits = order.status in (Status.QUEUED, Status.HELD)
    return waits and order.provider_id is not None and not order.may_be_upstream


def end_unsent(order: Order, *, now: datetime) -> None:
    """End an order that is held by the caller and that nobody upstream has heard of."""
    refund.end(order, to=Status.CANCELED, now=now, reason="canceled_before_sending")


def open_refill(order: Order, *, now: datetime) -> Refill:
    """Return a new refill of an order that is locked.  Raises what stands in the way."""
    obstacle = refill_obstacle(
        order,
        latest=Refill.objects.filter(order=order).order_by("-pk").first(),
        is_drip_feed=DripFeed.objects.filter(pk=order.pk).exists(),
        now=now,
    )
    if obstacle is not None:
        raise obstacle
    return Refill.objects.create(order=order, user_id=order.user_id, asked_at=now, due_at=now)


def refill_obstacle(
    order: Order, *, latest: Refill | None, is_drip_feed: bool, now: datetime
) -> errors.Refused | None:
    """Return what stands in the way of a refill now; `latest` is the last one of the order."""
    service = order.service
    # The runs of a drip-feed are refilled one by one: upstream, the whole is no order.
    if service.refill_days is None or is_drip_feed:
        return RefillDisabled()
    if latest is not None and latest.state in OPEN_REFILL:
        return RefillRunning()
    if order.status != Status.COMPLETED:
        return OrderNotCompleted()
    assert order.ended_at is not None
    until = order.ended_at + timedelta(hours=service.refill_after_hours)
    if latest is not None:
        until = max(until, latest.asked_at + REFILL_GAP)
    if now < until:
        return RefillTooSoon(until=until)
    if now > order.ended_at + timedelta(days=service.refill_days):
        return RefillDaysOver()
    return None


def cancel_obstacle(order: Order) -> errors.Refused | None:
    """Return what stands in the way of canceling an order, whoever asked before."""
    if not order.service.cancel:
        return CancelDisabled()
    return CancelTooLate() if order.status in FINAL else None


def _for_each(
    user_id: int, order_ids: Sequence[int], act: Callable[[Order], T]
) -> dict[int, T | errors.Refused]:
    with transaction.atomic():
        # The account before the orders, as everywhere, so that no two wait for each other.  NO KEY
        # everywhere too: who writes a child or an event of an order may hold what we want next.
        book.lock([user_id])
        orders = (
            Order.objects.filter(user_id=user_id, pk__in=order_ids)
            .select_for_update(of=("self",), no_key=True)
            .select_related("service")
            .order_by("pk")
            .in_bulk()
        )
        # Each once, or the second answer would be about what the first one did; and in the order of
        # their IDs, in which everybody takes the timetables of drip-feeds.
        verdicts = {
            order_id: _verdict(orders.get(order_id), act) for order_id in sorted({*order_ids})
        }
        return {order_id: verdicts[order_id] for order_id in order_ids}


def _verdict(order: Order | None, act: Callable[[Order], T]) -> T | errors.Refused:
    if order is None:
        return OrderNotFound()
    try:
        return act(order)
    except errors.Refused as refusal:
        return refusal


def _cancel(order: Order, now: datetime) -> None:
    obstacle = cancel_obstacle(order)
    if obstacle is not None:
        raise obstacle
    if DripFeed.objects.filter(pk=order.pk).exists():
        _cancel_drip_feed(order, now)
    elif is_unsent(order):
        # This row is locked: it ends here and now.
        end_unsent(order, now=now)
    else:
        _record_cancel(order, now)


def _cancel_drip_feed(parent: Order, now: datetime) -> None:
    schedules.stop(parent, now=now)
    running = Order.objects.filter(parent=parent).exclude(status__in=FINAL)
    rows = running.select_for_update(of=("self",), no_key=True).select_related("service")
    for run in rows.order_by("pk"):
        _cancel(run, now)


def _record_cancel(order: Order, now: datetime) -> None:
    request, is_new = CancelRequest.objects.get_or_create(
        order=order, defaults={"asked_at": now, "due_at": now}
    )
    if not is_new and request.state == CancelState.REFUSED:
        # What upstream refused while the order was starting it may take later, but a customer who
        # asks every second does not ask it every second.
        request.due_at = max(now, request.asked_at + ASK_AGAIN_AFTER)
        request.state, request.asked_at, request.attempts = CancelState.ASKED, now, 0
        request.save(update_fields=["state", "asked_at", "due_at", "attempts"])
