"""Ends orders, and gives back what was not delivered: exactly, and once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from relaypanel.contract import OrderType
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.orders import states
from relaypanel.orders.models import CancelRequest, CancelState, Order, Status


def end(
    order: Order,
    *,
    to: Status,
    now: datetime,
    reason: str,
    detail: str = "",
    remains: int | None = None,
    refund_e8: int | None = None,
    **changes: Any,
) -> None:
    """Take an order to its end and return the undelivered part of its charge to its customer.

    `remains` is what was not delivered, between 0 and the quantity; None leaves it as it is.
    `refund_e8` is for a drip-feed, whose runs are refunded one by one; None reckons it.
    Raises states.LostRace when somebody else moved the order first.
    """
    undelivered = order.remains if remains is None else remains
    if refund_e8 is None:
        refund_e8 = undelivered_charge(order, to=to, remains=undelivered)
    with transaction.atomic():
        # The account first, as placing does: whoever holds an order's row may wait for an account.
        book.lock([order.user_id])
        states.move(
            order,
            to=to,
            now=now,
            reason=reason,
            detail=detail,
            remains=undelivered,
            refunded_e8=order.refunded_e8 + refund_e8,
            **changes,
        )
        pay_back(order, refund_e8, now=now)
        _close_cancel_requests([order])
        _wake_link_queues([order], now=now)


def complete_all(orders: Sequence[Order], *, now: datetime, reason: str) -> None:
    """Take orders that stand in one status to a completed end, which moves no money.

    Raises states.LostRace when somebody else moved one of them first.
    """
    with transaction.atomic():
        states.move_all(orders, to=Status.COMPLETED, now=now, reason=reason)
        _close_cancel_requests(orders)
        _wake_link_queues(orders, now=now)


def undelivered_charge(order: Order, *, to: Status, remains: int) -> int:
    """Return what an end gives back, in e8: everything, a part by quantity, or nothing."""
    assert 0 <= remains <= max(order.quantity, order.remains)
    if to is Status.CANCELED:
        return order.charge_e8 - order.refunded_e8
    if to is Status.PARTIAL:
        # Whole without a rest for what is priced by the thousand; the rest of a price by the
        # piece stays with the panel.
        return order.charge_e8 * remains // order.quantity
    return 0


def pay_back(order: Order, refund_e8: int, *, now: datetime) -> None:
    """Return an amount to the order's customer; its key lets that happen once in the order's life.

    The caller writes `refunded_e8` in the same transaction.
    """
    if refund_e8 == 0:
        return
    book.post(
        book.Posting(
            key=f"order:{order.pk}:refund",
            debit=chart.SALES,
            credit=chart.customer(order.user_id),
            amount_e8=refund_e8,
            code=Code.ORDER_REFUND,
        ),
        now=now,
    )
    if order.parent_id is not None and order.type != OrderType.SUBSCRIPTIONS:
        # The parent paid for this run, so its price falls by what came back.
        Order.objects.filter(pk=order.parent_id).update(refunded_e8=F("refunded_e8") + refund_e8)


def _close_cancel_requests(orders: Sequence[Order]) -> None:
    """Close what was asked of orders that have ended in one status."""
    done = orders[0].status in (Status.CANCELED, Status.PARTIAL)
    CancelRequest.objects.filter(
        order__in=orders, state__in=(CancelState.ASKED, CancelState.FORWARDED)
    ).update(state=CancelState.DONE if done else CancelState.REFUSED)


def _wake_link_queues(orders: Sequence[Order], *, now: datetime) -> None:
    """Let the next order for each link go: the one it waited for has ended."""
    queues = [
        Q(upstream_service=order.upstream_service_id, link=order.link)
        for order in orders
        if order.link and order.upstream_service_id is not None
    ]
    if queues:
        Order.objects.filter(
            reduce(or_, queues), status=Status.QUEUED, waits_for_link=True, due_at__gt=now
        ).update(due_at=now)
