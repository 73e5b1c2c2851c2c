"""Staff's hand on orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from relaypanel import errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.catalogue.offers import cost, usable_routes
from relaypanel.ledger import book
from relaypanel.orders import brackets, refund, schedules, states, types
from relaypanel.orders.models import ACTIVE, FINAL, DripFeed, Order, Status


class NoSuchOrder(errors.Refused):
    code = "order_not_found"


class MoveNotAllowed(errors.Refused):
    """The order cannot go there from where it stands, or a provider has it in hand."""

    code = "move_not_allowed"


def set_status(
    *,
    order_id: int,
    to: Status,
    now: datetime,
    remains: int | None = None,
    by: Actor = CONSOLE,
) -> Order:
    """Move an order by hand and return it.

    A manual order goes anywhere along the arrows.  One that waits for a provider becomes manual
    when staff take it on; one that a provider works on may only be ended, because the provider
    alone tells how it goes on.  `remains` is what was not delivered; None keeps the number we
    have, or is nothing for a completed order.
    """
    with transaction.atomic():
        order = locked(order_id)
        before = told(order)
        _check(order, to, remains, now)
        if to in FINAL:
            undelivered = 0 if to is Status.COMPLETED and remains is None else remains
            refund.end(order, to=to, now=now, reason=brackets.STAFF, remains=undelivered)
            schedules.follow_correction(order, now=now)
        else:
            states.move(order, to=to, now=now, reason="staff", provider=None, upstream_service=None)
        write(order, act=f"order.{to}", before=before, by=by, now=now)
    return order


def release(*, order_id: int, now: datetime, reason: str = "", by: Actor = CONSOLE) -> Order:
    """Put a held order back into the queue of its service's first usable route, and return it.

    `reason` is what staff know of it; one that may be upstream already needs it.
    """
    with transaction.atomic():
        order = locked(order_id)
        if order.status != Status.HELD:
            raise MoveNotAllowed(f"order {order.pk} is {order.status}, and only a held one waits")
        if order.may_be_upstream and not reason.strip():
            raise MoveNotAllowed(f"order {order.pk} may be upstream already: say why it is not")
        before = told(order)
        routes = usable_routes([order.service_id]).get(order.service_id, ())
        if not routes:
            raise MoveNotAllowed(f"no usable route can take order {order.pk}")
        states.move(
            order,
            to=Status.QUEUED,
            now=now,
            reason="released",
            detail=reason.strip(),
            provider=routes[0].provider,
            upstream_service=routes[0],
            # They have seen what it costs now.
            cost_expected_e8=cost(routes[0], quantity=order.quantity),
            due_at=now,
            may_be_upstream=False,
        )
        write(order, act="order.resend", before=before, by=by, now=now, reason=reason.strip())
    return order


def change_link(*, order_id: int, link: str, now: datetime, by: Actor) -> Order:
    """Let an order go to another link, as long as nobody upstream can have heard of it.

    Raises NoSuchOrder, MoveNotAllowed and types.BadLink.
    """
    with transaction.atomic():
        order = locked(order_id)
        if order.status not in (Status.QUEUED, Status.HELD) or order.may_be_upstream:
            raise MoveNotAllowed(f"order {order.pk} may be with a provider already")
        before = told(order)
        order.link = types.link(link)
        # The queue of the old link is not the new one's.
        order.waits_for_link = False
        order.save(update_fields=["link", "waits_for_link"])
        states.record([order], now=now, reason="link_changed", detail=before["link"])
        write(order, act="order.change_link", before=before, by=by, now=now)
    return order


def told(order: Order) -> dict[str, Any]:
    """Return what the audit log keeps of an order."""
    return {
        "status": str(order.status),
        "remains": order.remains,
        "refunded": money.text(order.refunded_e8),
        "upstream_id": order.upstream_id or "",
        "link": order.link,
    }


def write(
    order: Order,
    *,
    act: str,
    before: Mapping[str, Any],
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """Write an act upon an order into the audit log."""
    said = {"reason": reason} if reason else {}
    audit_log.record(
        by=by,
        act=act,
        subject=("order", order.pk),
        before=before,
        after=told(order) | said,
        now=now,
    )


def locked(order_id: int) -> Order:
    """Return the order, locked, and its customer's account with it.  Raises NoSuchOrder."""
    user_id = Order.objects.filter(pk=order_id).values_list("user_id", flat=True).first()
    if user_id is None:
        raise NoSuchOrder(f"there is no order {order_id}")
    # The account before the order, as everywhere, so that no two wait for each other.
    book.lock([user_id])
    return Order.objects.select_for_update(of=("self",), no_key=True).get(pk=order_id)


def _check(order: Order, to: Status, remains: int | None, now: datetime) -> None:
    here = Status(order.status)
    if here is Status.SENDING:
        raise MoveNotAllowed(f"order {order.pk} is being sent; wait for the answer")
    if here is Status.UNCONFIRMED and not brackets.is_settled(order, now=now):
        raise MoveNotAllowed(f"order {order.pk} may still be on its way; wait for the answer")
    if to not in states.ARROWS[here] or to not in (*ACTIVE, *FINAL):
        raise MoveNotAllowed(f"order {order.pk} is {here} and cannot become {to}")
    if to in ACTIVE and (order.upstream_id is not None or here is Status.UNCONFIRMED):
        raise MoveNotAllowed(f"order {order.pk} is with a provider, who alone moves it on")
    if DripFeed.objects.filter(pk=order.pk).exists():
        raise MoveNotAllowed(f"order {order.pk} is a drip-feed: it ends with its runs")
    if remains is not None and not 0 <= remains <= order.quantity:
        raise MoveNotAllowed(f"remains is between 0 and {order.quantity}")
