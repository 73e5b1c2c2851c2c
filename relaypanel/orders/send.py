"""Sending: at most once.

Intent is committed before the call, each answer counts only under the token it was asked
with, and from `sending` an order goes back to the queue only on proof that its provider
took nothing.  Whatever stays unclear is `unconfirmed` and is never sent again blindly:
API v2 offers no way to send a thing twice and buy it once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from relaypanel.catalogue.offers import usable_routes
from relaypanel.contract import TYPES, OrderType
from relaypanel.ledger import book
from relaypanel.orders import refund, states
from relaypanel.orders.models import Order, Status
from relaypanel.providers import answers
from relaypanel.providers.answers import Fault
from relaypanel.providers.models import Provider

# How long an order waits after an answer that says "later".
RETRY_AFTER: Final = {
    Fault.LINK_BUSY: timedelta(seconds=60),
    Fault.RATE_LIMIT: timedelta(seconds=15),
}
# How long a provider rests after one that needs its owner: a top-up or a new key.
PAUSE: Final = timedelta(minutes=5)
# The breaker: this many unclear answers in a row let nothing more out for a while.
UNCLEAR_MAX: Final = 3
BREAK: Final = timedelta(seconds=60)
# How long a provider rests that could not be reached.
UNREACHABLE: Final = timedelta(seconds=2)
BACKOFF_SECONDS: Final = (2, 5, 15, 30, 60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """An order that this worker, and nobody else, may send until `until`."""

    order_id: int
    token: int
    service: str
    client_ref: str
    until: datetime
    fields: dict[str, str] = field(default_factory=dict)


def begin(*, provider: Provider, limit: int, now: datetime) -> list[Intent]:
    """Take up to `limit` waiting orders of a provider and record the intent to send them."""
    if not is_open(provider, now=now):
        return []
    until = now + 2 * timedelta(milliseconds=provider.deadline_ms)
    with transaction.atomic():
        orders = list(
            Order.objects.filter(provider=provider, status=Status.QUEUED, due_at__lte=now)
            .select_for_update(skip_locked=True, of=("self",), no_key=True)
            .select_related("upstream_service")
            .order_by("due_at", "id")[:limit]
        )
        states.move_all(
            orders,
            to=Status.SENDING,
            now=now,
            reason="sending",
            sending_until=until,
            token=F("token") + 1,
            attempts=F("attempts") + 1,
        )
    return [_intent(order, until) for order in orders]


def is_open(provider: Provider, *, now: datetime) -> bool:
    """Return whether orders may go to this provider at this moment."""
    return provider.enabled and (provider.paused_until is None or provider.paused_until <= now)


def settle(*, intent: Intent, answer: answers.AddAnswer, now: datetime) -> None:
    """Apply what came back for an intent.  Does nothing when the order has moved on since."""
    with transaction.atomic():
        order = _held_order(intent)
        if order is None:
            return
        match answer:
            case answers.Accepted():
                _accept(order, answer, now=now)
            case answers.Rejected():
                _reject(order, answer, now=now)
            case answers.NotSent():
                _requeue(order, now=now, reason="not_sent", detail=answer.reason)
            case answers.Unclear() if order.status == Status.SENDING:
                _park(order, now=now, detail=answer.reason)


def note_health(*, provider_id: int, answer: answers.AddAnswer, now: datetime) -> None:
    """Keep the provider's breaker and pauses by its last answer; no write while all is well."""
    rows = Provider.objects.filter(pk=provider_id)
    match answer:
        case answers.Unclear():
            rows.update(unclear_in_a_row=F("unclear_in_a_row") + 1)
            rows.filter(unclear_in_a_row__gte=UNCLEAR_MAX).update(
                paused_for="unclear_answers", paused_until=now + BREAK
            )
        case answers.NotSent():
            # A longer pause stays: this call had set out before it began.
            rows.exclude(paused_until__gt=now + UNREACHABLE).update(
                paused_for="no_connection", paused_until=now + UNREACHABLE
            )
        case answers.Rejected(fault=(Fault.NO_FUNDS | Fault.BAD_KEY) as fault):
            rows.update(paused_for=fault.value, paused_until=now + PAUSE, unclear_in_a_row=0)
        case _:
            rows.filter(Q(unclear_in_a_row__gt=0) | ~Q(paused_for="")).update(
                unclear_in_a_row=0, paused_for="", paused_until=None
            )


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


def _intent(order: Order, until: datetime) -> Intent:
    assert order.upstream_service is not None
    fields = dict(order.fields)
    if order.link:
        fields["link"] = order.link
    if "quantity" in TYPES[OrderType(order.type)].needed:
        fields["quantity"] = str(order.quantity)
    return Intent(
        order_id=order.pk,
        token=order.token,
        service=order.upstream_service.upstream_id,
        client_ref=_client_ref(order.pk),
        until=until,
        fields=fields,
    )


def _client_ref(order_id: int) -> str:
    """Return our name for an order upstream: two panels on one account there never share it."""
    panel = hashlib.sha256(f"client-ref:{settings.SECRET_KEY}".encode()).hexdigest()[:12]
    return f"{panel}-{order_id}"


def _held_order(intent: Intent) -> Order | None:
    """Return the order, locked, if the intent's token is still the last one."""
    rows = Order.objects.filter(pk=intent.order_id, token=intent.token)
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
        with transaction.atomic():
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
            wait = RETRY_AFTER[fault]
            _requeue(order, now=now, reason=fault.value, detail=detail, wait=wait)
        case Fault.NO_FUNDS | Fault.BAD_KEY as fault:
            _requeue(order, now=now, reason=fault.value, detail=detail, wait=timedelta())
        case Fault.SERVICE_DEAD:
            _next_route(order, now=now, detail=detail)
        case _:
            _hold(order, now=now, reason="refused_upstream", detail=detail)


def _requeue(
    order: Order, *, now: datetime, reason: str, detail: str, wait: timedelta | None = None
) -> None:
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
    )


def _park(order: Order, *, now: datetime, detail: str) -> None:
    states.move(order, to=Status.UNCONFIRMED, now=now, reason="unclear", detail=detail)


def _hold(order: Order, *, now: datetime, reason: str, detail: str) -> None:
    states.move(order, to=Status.HELD, now=now, reason=reason, detail=detail, sending_until=None)


def _next_route(order: Order, *, now: datetime, detail: str) -> None:
    """Try the route after the one that is dead, or leave the order to staff."""
    routes = usable_routes([order.service_id]).get(order.service_id, ())
    ids = [route.pk for route in routes]
    tried = order.upstream_service_id
    following = routes[ids.index(tried) + 1 :] if tried in ids else routes
    if not following:
        _hold(order, now=now, reason="no_route_left", detail=detail)
        return
    states.move(
        order,
        to=Status.QUEUED,
        now=now,
        reason="next_route",
        detail=detail,
        provider=following[0].provider,
        upstream_service=following[0],
        due_at=now,
        sending_until=None,
    )
