"""Sending: at most once.

Intent is committed before the call, each answer counts only under the token it was asked
with, and from `sending` an order goes back to the queue only on proof that its provider
took nothing.  Whatever stays unclear is `unconfirmed` and is never sent again blindly:
API v2 offers no way to send a thing twice and buy it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from relaypanel import prepared
from relaypanel.ledger import book
from relaypanel.orders import exchanges, refund, routes, states
from relaypanel.orders.models import CancelRequest, CancelState, Order, Status
from relaypanel.providers import answers
from relaypanel.providers.answers import Fault
from relaypanel.providers.models import Provider

# How long an order waits after an answer that says "later".
RETRY_AFTER: Final = {
    Fault.LINK_BUSY: timedelta(seconds=60),
    Fault.RATE_LIMIT: timedelta(seconds=15),
}
BACKOFF_SECONDS: Final = (2, 5, 15, 30, 60)

_DUE: Final = prepared.Statement(
    f"""
    SELECT it.id, it.token, it.type, it.link, it.quantity, it.fields, route.upstream_id
      FROM orders_order AS it
      JOIN providers_upstreamservice AS route ON route.id = it.upstream_service_id
     WHERE it.provider_id = $1 AND it.status = 'queued' AND it.due_at <= $2
           AND NOT it.id {prepared.among("$3")}
           AND (NOT it.waits_for_link OR NOT EXISTS (
               SELECT 1 FROM orders_order AS earlier
                WHERE earlier.upstream_service_id = it.upstream_service_id
                      AND earlier.link = it.link
                      AND earlier.status = 'queued'
                      AND earlier.waits_for_link
                      AND earlier.id < it.id))
     ORDER BY it.due_at, it.id
     LIMIT $4
    """  # nosec B608
)
_LOCK_SENDING: Final = prepared.Statement(
    f"""
    SELECT id, token FROM orders_order
     WHERE id {prepared.among("$1")} AND status = 'sending' ORDER BY id
    """  # nosec B608
    + ("" if prepared.is_sqlite() else " FOR NO KEY UPDATE")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """An order as it goes upstream, under the token that its answer will count for."""

    order_id: int
    token: int
    service: str
    client_ref: str
    fields: dict[str, str] = field(default_factory=dict)


def due(
    *, provider: Provider, limit: int, now: datetime, but: Collection[int] = ()
) -> list[Parcel]:
    """Return waiting orders of a provider, oldest first, without those in `but`.  Writes nothing.

    Of orders that wait for the same link only the first one is due.
    """
    if limit < 1:
        return []
    return [_parcel(*row) for row in _DUE.rows(provider.pk, now, list(but), limit)]


def intend(*, provider: Provider, parcels: Collection[Parcel], now: datetime) -> set[int]:
    """Record the intent to send, and return the IDs of the orders that may go now.

    An order that has moved on since `due` saw it may not, nor one whose provider has become
    dearer than the order is worth.
    """
    tokens = {parcel.order_id: parcel.token for parcel in parcels}
    with transaction.atomic():
        found = routes.lock_waiting(provider_id=provider.pk, order_ids=tokens)
        waiting = [order for order in found if order.token + 1 == tokens[order.order_id]]
        going = {order.order_id for order in waiting if routes.pays(order)}
        _leave_dear([order.order_id for order in waiting if order.order_id not in going], now=now)
        states.move_locked(
            going,
            origin=Status.QUEUED,
            to=Status.SENDING,
            now=now,
            reason="sending",
            # Nobody is still sending past this: a call has one deadline, and that once more.
            sending_until=now + 2 * timedelta(milliseconds=provider.deadline_ms),
            token=F("token") + 1,
            attempts=F("attempts") + 1,
        )
    return going


def settle_all(*, settled: Sequence[tuple[Parcel, answers.AddAnswer]], now: datetime) -> None:
    """Apply answers that came together; those that were taken as asked share one transaction."""
    accepted = {
        parcel.order_id: (parcel, answer)
        for parcel, answer in settled
        if isinstance(answer, answers.Accepted)
    }
    done = _accept_together(accepted, now=now)
    for parcel, answer in settled:
        if parcel.order_id not in done:
            settle(parcel=parcel, answer=answer, now=now)


def settle(*, parcel: Parcel, answer: answers.AddAnswer, now: datetime) -> None:
    """Apply what came back for a parcel.  Does nothing when the order has moved on since."""
    with transaction.atomic():
        order = _held_order(parcel)
        if order is None:
            return
        exchanges.keep(order, answer, now=now)
        match answer:
            case answers.Accepted():
                _accept(order, answer, now=now)
            case answers.Rejected():
                _reject(order, answer, now=now)
            case answers.NotSent():
                _requeue(order, now=now, reason="not_sent", detail=answer.reason)
            case answers.Unclear() if order.status == Status.SENDING:
                _park(order, now=now, detail=answer.reason)


def place_in_link_queue(order: Order) -> int | None:
    """Return 1 for the order that goes next when its link is free; None: it waits for no link."""
    if order.status != Status.QUEUED or not order.waits_for_link:
        return None
    return Order.objects.filter(
        upstream_service=order.upstream_service_id,
        link=order.link,
        status=Status.QUEUED,
        waits_for_link=True,
        pk__lte=order.pk,
    ).count()


def give_up_overdue(*, provider_id: int, now: datetime) -> int:
    """Park the orders whose sender died or slept past its time, and return how many."""
    with transaction.atomic():
        orders = list(
            Order.objects.filter(
                provider_id=provider_id, status=Status.SENDING, sending_until__lt=now
            ).select_for_update(skip_locked=True, of=("self",), no_key=True)
        )
        states.move_all(orders, to=Status.UNCONFIRMED, now=now, reason="sender_lost")
    return len(orders)


def _parcel(
    order_id: int,
    token: int,
    order_type: str,
    link: str,
    quantity: int,
    told: Any,
    upstream_id: str,
) -> Parcel:
    told = msgspec.json.decode(told) if isinstance(told, str) else told
    return Parcel(
        order_id=order_id,
        token=token + 1,
        service=upstream_id,
        client_ref=_client_ref(order_id),
        fields=exchanges.form(told, order_type=order_type, link=link, quantity=quantity),
    )


def _client_ref(order_id: int) -> str:
    """Return our name for an order upstream: two panels on one account there never share it."""
    panel = hashlib.sha256(f"client-ref:{settings.SECRET_KEY}".encode()).hexdigest()[:12]
    return f"{panel}-{order_id}"


def _leave_dear(order_ids: Collection[int], *, now: datetime) -> None:
    if order_ids:
        orders = Order.objects.select_related("upstream_service__provider")
        for order in orders.filter(pk__in=order_ids):
            routes.leave_dear(order, now=now)


def _accept_together(
    accepted: Mapping[int, tuple[Parcel, answers.Accepted]], *, now: datetime
) -> set[int]:
    """Record the IDs of orders that are plainly being sent; return the orders that are done."""
    ids = {order_id: answer.upstream_id for order_id, (_, answer) in accepted.items()}
    if len(set(ids.values())) < len(ids):
        return set()
    try:
        with transaction.atomic():
            done = {
                order_id
                for order_id, token in _LOCK_SENDING.rows(list(ids))
                if token == accepted[order_id][0].token
            }
            states.move_locked(
                done,
                origin=Status.SENDING,
                to=Status.PENDING,
                now=now,
                reason="accepted",
                upstream_id=states.each(ids),
                sending_until=None,
                waits_for_link=False,
            )
    except IntegrityError:
        # One of the IDs is of another order of ours: one by one tells which.
        return set()
    return done


def _held_order(parcel: Parcel) -> Order | None:
    """Return the order, locked, if the parcel's token is still the last one."""
    rows = Order.objects.filter(pk=parcel.order_id, token=parcel.token)
    user_id = rows.values_list("user_id", flat=True).first()
    if user_id is None:
        return None
    # The account before the order, as everywhere, so that no two wait for each other.
    book.lock([user_id])
    # A late answer still counts for an order that was given up in the meantime.
    return (
        rows.filter(status__in=(Status.SENDING, Status.UNCONFIRMED))
        .select_for_update(of=("self",), no_key=True)
        .first()
    )


def _accept(order: Order, answer: answers.Accepted, *, now: datetime) -> None:
    try:
        states.move(
            order,
            to=Status.PENDING,
            now=now,
            reason="accepted",
            upstream_id=answer.upstream_id,
            sending_until=None,
        )
    except IntegrityError:
        # It gave us the ID of another order of ours: which of the two it means is not certain.
        if order.status == Status.SENDING:
            _park(order, now=now, detail=f"upstream ID {answer.upstream_id} is another order's")


def _reject(order: Order, answer: answers.Rejected, *, now: datetime) -> None:
    detail = answer.words
    match answer.fault:
        case Fault.NEVER:
            refund.end(order, to=Status.CANCELED, now=now, reason="refused_upstream", detail=detail)
        case Fault.LINK_BUSY | Fault.RATE_LIMIT as fault:
            _requeue(
                order,
                now=now,
                reason=fault.value,
                detail=detail,
                wait=RETRY_AFTER[fault],
                waits_for_link=fault is Fault.LINK_BUSY,
            )
        case Fault.NO_FUNDS | Fault.BAD_KEY as fault:
            _requeue(order, now=now, reason=fault.value, detail=detail, wait=timedelta())
        case Fault.SERVICE_DEAD:
            routes.leave_dead(order, now=now, detail=detail)
        case _:
            _hold(order, now=now, reason="refused_upstream", detail=detail)


def _requeue(
    order: Order,
    *,
    now: datetime,
    reason: str,
    detail: str,
    wait: timedelta | None = None,
    waits_for_link: bool = False,
) -> None:
    is_unwanted = CancelRequest.objects.filter(order=order, state=CancelState.ASKED).exists()
    if is_unwanted and not order.may_be_upstream:
        # Certain that nobody upstream has it, and the customer no longer wants it.
        refund.end(order, to=Status.CANCELED, now=now, reason="canceled_before_sending")
        return
    if wait is None:
        step = min(order.attempts, len(BACKOFF_SECONDS)) - 1
        wait = timedelta(seconds=BACKOFF_SECONDS[step])
    states.move(
        order,
        to=Status.QUEUED,
        now=now,
        reason=reason,
        detail=detail,
        due_at=now + wait,
        sending_until=None,
        waits_for_link=waits_for_link,
    )


def _park(order: Order, *, now: datetime, detail: str) -> None:
    states.move(order, to=Status.UNCONFIRMED, now=now, reason="unclear", detail=detail)


def _hold(order: Order, *, now: datetime, reason: str, detail: str) -> None:
    states.move(order, to=Status.HELD, now=now, reason=reason, detail=detail, sending_until=None)
