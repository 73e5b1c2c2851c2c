"""Orders that suppliers deliver by hand: pulled once, reported on, cancelled and refilled.

Nothing here touches an order that a provider has or is about to get.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from relaypanel import errors
from relaypanel.accounts.audit_log import Actor
from relaypanel.orders import staff, states
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

PULLED_MAX: Final = 100
_COUNT_MAX: Final = 2**63 - 1
_REASON: Final = "supplier"

# The services whose orders a supplier may see; None: all of them.
Services = Collection[int] | None


class NotByHand(errors.Refused):
    """A provider has the order or is about to get it, and alone tells how it goes."""

    code = "order_not_by_hand"


class NoCancelAsked(errors.Refused):
    code = "no_cancel_asked"


class NoSuchRefill(errors.Refused):
    code = "refill_not_found"


class RefillEnded(errors.Refused):
    code = "refill_ended"


class BadReport(errors.Refused):
    """The numbers cannot be of this order."""

    code = "bad_report"


def pull(*, services: Services, limit: int, now: datetime) -> list[Order]:
    """Hand out orders that wait for a supplier, oldest first, each once: they are `processing`.

    Whoever lost the answer finds them among the orders that are processing.
    """
    waiting = _of(services, Order.objects.filter(status=Status.QUEUED, **_BY_HAND))
    with transaction.atomic():
        rows = waiting.filter(drip_feed=None, subscription=None).order_by("pk")
        orders = list(
            rows.select_for_update(of=("self",), no_key=True, skip_locked=True)[
                : min(limit, PULLED_MAX)
            ]
        )
        if orders:
            states.move_all(orders, to=Status.PROCESSING, now=now, reason="pulled_by_supplier")
    return orders


def report(
    *,
    order_id: int,
    services: Services,
    by: Actor,
    now: datetime,
    to: Status | None = None,
    start_count: int | None = None,
    remains: int | None = None,
) -> Order:
    """Write how an order done by hand goes, and return it; what is None stays as it is.

    An end pays back what was not delivered, as every end does.  Raises staff.NoSuchOrder,
    staff.MoveNotAllowed, NotByHand and BadReport.
    """
    with transaction.atomic():
        order = _held(order_id, services)
        if order.status in FINAL:
            raise staff.MoveNotAllowed(f"order {order.pk} has ended")
        _write_counts(order, start_count, remains)
        if to in FINAL:
            return staff.set_status(order_id=order.pk, to=to, remains=remains, by=by, now=now)
        if to is not None and to != order.status:
            return staff.set_status(order_id=order.pk, to=to, by=by, now=now)
    return order


def pull_cancels(*, services: Services, limit: int) -> list[Order]:
    """Hand out the orders done by hand that customers want cancelled, each once."""
    asked = CancelRequest.objects.filter(
        state=CancelState.ASKED,
        order__in=_of(services, Order.objects.filter(status__in=ACTIVE, **_BY_HAND)),
    )
    with transaction.atomic():
        rows = asked.select_for_update(of=("self",), skip_locked=True).select_related("order")
        found = list(rows.order_by("pk")[: min(limit, PULLED_MAX)])
        CancelRequest.objects.filter(pk__in=[one.pk for one in found]).update(
            state=CancelState.FORWARDED
        )
    return [one.order for one in found]


def reject_cancel(*, order_id: int, services: Services, now: datetime) -> Order:
    """Say that an order goes on although its customer wants it cancelled.

    Raises staff.NoSuchOrder, NotByHand and NoCancelAsked.
    """
    with transaction.atomic():
        order = _held(order_id, services)
        asked = CancelRequest.objects.filter(
            order=order, state__in=(CancelState.ASKED, CancelState.FORWARDED)
        )
        if not asked.update(state=CancelState.REFUSED):
            raise NoCancelAsked
        states.record([order], now=now, reason="cancel_refused")
    return order


def pull_refills(*, services: Services, limit: int) -> list[Refill]:
    """Hand out the refills of orders done by hand, each once: they are in progress."""
    asked = Refill.objects.filter(
        state=RefillState.PENDING, order__in=_of(services, Order.objects.filter(**_BY_HAND))
    )
    with transaction.atomic():
        rows = asked.select_for_update(of=("self",), skip_locked=True).select_related("order")
        found = list(rows.order_by("pk")[: min(limit, PULLED_MAX)])
        Refill.objects.filter(pk__in=[one.pk for one in found]).update(
            state=RefillState.IN_PROGRESS
        )
    return found


def settle_refill(*, refill_id: int, to: RefillState, services: Services, now: datetime) -> Refill:
    """Say how a refill of an order done by hand goes.

    Raises NoSuchRefill, NotByHand and RefillEnded.
    """
    with transaction.atomic():
        found = Refill.objects.filter(pk=refill_id).values_list("order_id", flat=True).first()
        if found is None:
            raise NoSuchRefill
        try:
            order = _held(found, services)
        except staff.NoSuchOrder:
            raise NoSuchRefill from None
        refill = Refill.objects.select_for_update(of=("self",)).get(pk=refill_id)
        if refill.state not in OPEN_REFILL:
            raise RefillEnded
        refill.state = to
        refill.ended_at = None if to in OPEN_REFILL else now
        refill.save(update_fields=["state", "ended_at"])
        states.record([order], now=now, reason=f"refill_{to}")
    refill.order = order
    return refill


_BY_HAND: Final[dict[str, Any]] = {"provider": None, "upstream_id": None}


def _of(services: Services, orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders if services is None else orders.filter(service__in=services)


def _held(order_id: int, services: Services) -> Order:
    """Return the order, locked.  One of another supplier's services is absent."""
    order = staff.locked(order_id)
    if services is not None and order.service_id not in services:
        raise staff.NoSuchOrder(f"there is no order {order_id}")
    if order.provider_id is not None or order.upstream_id is not None:
        raise NotByHand(f"order {order.pk} is with a provider")
    return order


def _write_counts(order: Order, start_count: int | None, remains: int | None) -> None:
    if start_count is not None and not 0 <= start_count <= _COUNT_MAX:
        raise BadReport("start_count is not negative")
    if remains is not None and not 0 <= remains <= order.quantity:
        raise BadReport(f"remains is between 0 and {order.quantity}")
    changed = {"start_count": start_count, "remains": remains}
    changes = {name: value for name, value in changed.items() if value is not None}
    for name, value in changes.items():
        setattr(order, name, value)
    if changes:
        order.save(update_fields=list(changes))
