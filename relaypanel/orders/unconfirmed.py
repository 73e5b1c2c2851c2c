"""Staff's hand on unconfirmed orders: attach, send again, refund.

Nothing here is done before the sending is settled, so that no answer to it is still to come.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Final, Protocol

from django.db import transaction

from relaypanel import errors, money
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.orders import brackets, reconcile, refund, staff
from relaypanel.orders.matching import Absent, Unresolved
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers import dialect, inquiry
from relaypanel.providers.answers import UpstreamStatus
from relaypanel.providers.inquiry import Told
from relaypanel.providers.models import Provider

REASON_CHARACTERS_MAX: Final = 400


class Inquire(Protocol):
    """Asks a provider how orders stand; inquiry.ask_now, or what stands in for it."""

    def __call__(
        self, provider: Provider, ids: Sequence[str], *, wants_balance: bool = False
    ) -> Told: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """An unconfirmed order as staff see it.

    `settled_at` is the first moment when something may be done; None: now.  `why` says what kept
    it from being resolved, in words for staff.
    """

    order: Order
    provider: str
    sent_at: datetime
    settled_at: datetime | None
    why: str


class NotUnconfirmed(errors.Refused):
    code = "order_not_unconfirmed"


class TooEarly(errors.Refused):
    """An answer to its sending may still come."""

    code = "order_too_early"

    def __init__(self, *, order_id: int, until: datetime) -> None:
        self.until = until
        super().__init__(
            f"order {order_id} may still be on its way; look again after {until:%H:%M:%S} UTC"
        )


class UnknownUpstream(errors.Refused):
    code = "unknown_upstream_order"


class AlreadyOurs(errors.Refused):
    code = "upstream_order_is_ours"

    def __init__(self, *, upstream_id: str) -> None:
        self.upstream_id = upstream_id
        super().__init__(f"{upstream_id} is another order of ours already")


class NotProved(errors.Refused):
    """Nobody has proved that upstream does not have the order, and nobody gave a reason."""

    code = "order_not_proved_absent"


class ReasonNeeded(errors.Refused):
    code = "reason_needed"


def waiting(*, limit: int = 500, after_id: int = 0) -> list[Waiting]:
    """Return the unconfirmed orders past an ID, oldest first, at most `limit`."""
    # Not ordered by the database, which would walk through all orders to find the first ones.
    open_ids = (
        Order.objects.filter(status=Status.UNCONFIRMED).order_by().values_list("pk", flat=True)
    )
    ids = nsmallest(limit, (pk for pk in open_ids if pk > after_id))
    found = Order.objects.select_related("provider", "service", "user").in_bulk(ids)
    orders = [found[pk] for pk in ids]
    timelines = _timelines([order.pk for order in orders])
    return [_waiting(order, timelines[order.pk]) for order in orders]


def attach(
    *,
    order_id: int,
    upstream_id: str,
    now: datetime,
    by: Actor = CONSOLE,
    inquire: Inquire = inquiry.ask_now,
) -> Order:
    """Say which order upstream this one is, and return it.

    The provider is asked whether there is such an order.  Raises ProviderError when it does not
    answer.
    """
    order = _settled(_found(order_id), now)
    if dialect.identifier(upstream_id) != upstream_id:
        raise UnknownUpstream(f"{upstream_id!r} is no ID of an order upstream")
    provider = _provider(order)
    if brackets.known(provider.pk, [int(upstream_id)]):
        raise AlreadyOurs(upstream_id=upstream_id)
    status = inquire(provider, [upstream_id]).statuses.get(upstream_id)
    if not isinstance(status, UpstreamStatus):
        raise UnknownUpstream(f"{provider.name} does not know an order {upstream_id} of ours")
    with transaction.atomic():
        order = _held(order)
        before = staff.told(order)
        detail = f"{upstream_id}: {_said(status)}"
        if not reconcile.attach(
            order, upstream_id, now=now, reason="attached_by_staff", detail=detail
        ):
            raise AlreadyOurs(upstream_id=upstream_id)
        staff.write(order, act="order.attach", before=before, by=by, now=now)
    return order


def requeue(
    *,
    order_id: int,
    now: datetime,
    reason: str = "",
    by: Actor = CONSOLE,
    inquire: Inquire = inquiry.ask_now,
) -> Order:
    """Let an order be sent again and return it.

    With a reason staff answer for it, and the reason stands in its timeline.  Without one the
    provider is asked, and only the proof that it has no such order will do.
    """
    order = _settled(_found(order_id), now)
    said = reason.strip()
    if len(said) > REASON_CHARACTERS_MAX:
        raise ReasonNeeded(f"a reason has at most {REASON_CHARACTERS_MAX} characters")
    if not said:
        return _prove_absent(order, now=now, by=by, inquire=inquire)
    with transaction.atomic():
        order = _held(order)
        before = staff.told(order)
        reconcile.requeue(order, now=now, reason=brackets.REQUEUED_BY_STAFF, detail=said)
        staff.write(order, act="order.requeue", before=before, by=by, now=now, reason=said)
    return order


def refund_order(*, order_id: int, now: datetime, by: Actor = CONSOLE) -> Order:
    """Cancel an order, give everything back once, and return it."""
    order = _settled(_found(order_id), now)
    with transaction.atomic():
        order = _held(order)
        before = staff.told(order)
        refund.end(order, to=Status.CANCELED, now=now, reason=brackets.REFUNDED_BY_STAFF)
        staff.write(order, act="order.refund", before=before, by=by, now=now)
    return order


def _timelines(order_ids: Collection[int]) -> Mapping[int, list[OrderEvent]]:
    timelines: dict[int, list[OrderEvent]] = {order_id: [] for order_id in order_ids}
    for event in OrderEvent.objects.filter(order_id__in=order_ids).order_by("pk"):
        timelines[event.order_id].append(event)
    return timelines


def _waiting(order: Order, timeline: Sequence[OrderEvent]) -> Waiting:
    sent = [event.at for event in timeline if event.to_status == Status.SENDING]
    return Waiting(
        order=order,
        provider=_provider(order).name,
        sent_at=max(sent, default=order.placed_at),
        settled_at=brackets.settled_at(order),
        why=timeline[-1].detail or timeline[-1].reason,
    )


def _found(order_id: int) -> Order:
    order = Order.objects.select_related("provider").filter(pk=order_id).first()
    if order is None:
        raise staff.NoSuchOrder(f"there is no order {order_id}")
    return order


def _settled(order: Order, now: datetime) -> Order:
    if order.status != Status.UNCONFIRMED:
        raise NotUnconfirmed(f"order {order.pk} is {order.status}, not unconfirmed")
    if not brackets.is_settled(order, now=now):
        settled_at = brackets.settled_at(order)
        assert settled_at is not None
        raise TooEarly(order_id=order.pk, until=settled_at)
    return order


def _provider(order: Order) -> Provider:
    # Only what was sent to one can be unconfirmed.
    assert order.provider is not None
    return order.provider


def _held(order: Order) -> Order:
    """Return the order, locked, if nothing has happened to it since it was looked at."""
    held = reconcile.held(order)
    if held is None:
        raise NotUnconfirmed(f"order {order.pk} has moved on meanwhile")
    return held


def _prove_absent(order: Order, *, now: datetime, by: Actor, inquire: Inquire) -> Order:
    provider = _provider(order)
    case = reconcile.open_case(provider=provider, now=now, order_ids=[order.pk])
    if case is None:
        raise NotProved(_without_proof(order))
    told = inquire(provider, case.upstream_ids, wants_balance=case.asks_balance)
    with transaction.atomic():
        verdict = reconcile.close_case(case=case, told=told, now=now).get(order.pk)
        if isinstance(verdict, Absent):
            before, order = staff.told(order), _found(order.pk)
            staff.write(order, act="order.requeue_on_proof", before=before, by=by, now=now)
    match verdict:
        case Absent():
            return order
        case Unresolved(why=why):
            raise NotProved(f"order {order.pk} is not proved absent: {why}")
        case _:
            raise NotUnconfirmed(f"order {order.pk} is {_found(order.pk).status} now")


def _without_proof(order: Order) -> str:
    event = OrderEvent.objects.filter(order=order).order_by("-pk").first()
    why = event.detail if event is not None and event.reason == "left_unconfirmed" else ""
    return f"order {order.pk} is not proved absent: {why or 'its provider offers no proof'}"


def _said(status: UpstreamStatus) -> str:
    charge = "unknown" if status.cost_e8 is None else money.text(status.cost_e8)
    return f"{status.word or 'an unknown word'}, charge {charge}, remains {status.remains}"
