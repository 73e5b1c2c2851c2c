"""Writes new orders: their rows, their charges and their first events, one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from relaypanel.catalogue import offers
from relaypanel.catalogue.offers import Offer
from relaypanel.contract import OrderType
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.orders.models import Order, OrderEvent, RefillWatch, Status
from relaypanel.orders.types import Content


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An order that was judged and may be written.

    `charge_e8` is the price of the order; `debit_e8` what is taken for it now: nothing for a
    drip-feed's run, which its parent has paid.
    """

    user_id: int
    offer: Offer
    content: Content
    charge_e8: int
    debit_e8: int
    client_ref: str | None = None
    content_hash: bytes | None = None
    parent: Order | None = None
    run: int | None = None
    # Of a subscription's post: the provider made the order, and this is its ID there.
    upstream_id: str | None = None


def write(drafts: Sequence[Draft], *, now: datetime) -> list[Order]:
    """Write the drafts within the caller's transaction and return their orders, in order.

    The caller has locked the accounts and judged that they cover the debits.
    """
    assert connection.in_atomic_block
    if not drafts:
        return []
    orders = Order.objects.bulk_create(_order(draft, now) for draft in drafts)
    book.post_many(
        [
            _charge(order, draft.debit_e8)
            for order, draft in zip(orders, drafts, strict=True)
            if draft.debit_e8 > 0
        ],
        now=now,
    )
    OrderEvent.objects.bulk_create(
        OrderEvent(order_id=order.pk, at=now, to_status=order.status, reason="placed")
        for order in orders
    )
    RefillWatch.objects.bulk_create(
        RefillWatch(order=order, due_at=now)
        for order, draft in zip(orders, drafts, strict=True)
        if _is_counted_again(draft)
    )
    return orders


def _is_counted_again(draft: Draft) -> bool:
    # A drip-feed is refilled run by run, and of a subscription nothing is delivered but its posts.
    is_whole = draft.content.is_drip_feed or (
        draft.offer.service.type == OrderType.SUBSCRIPTIONS and draft.parent is None
    )
    return draft.offer.service.auto_refill and not is_whole


def _order(draft: Draft, now: datetime) -> Order:
    route = None if draft.content.is_drip_feed else next(iter(draft.offer.routes), None)
    # A part is what its whole was when it was ordered, whatever became of the service since.
    terms = draft.parent or draft.offer.service
    return Order(
        user_id=draft.user_id,
        service=draft.offer.service,
        type=terms.type,
        link=draft.content.link,
        quantity=draft.content.quantity,
        fields=draft.content.fields,
        rate_e8=draft.offer.rate_e8,
        rate_per=terms.rate_per,
        charge_e8=draft.charge_e8,
        client_ref=draft.client_ref,
        content_hash=draft.content_hash,
        cost_expected_e8=_cost_expected(draft),
        placed_at=now,
        due_at=now,
        remains=draft.content.quantity * draft.content.runs,
        provider=route.provider if route else None,
        upstream_service=route,
        upstream_id=draft.upstream_id,
        parent=draft.parent,
        run=draft.run,
        status=_first_status(draft),
    )


def _cost_expected(draft: Draft) -> int | None:
    # A run is worth what it was when its drip-feed was ordered.
    if draft.parent is not None:
        return draft.parent.cost_expected_e8
    route = next(iter(draft.offer.routes), None)
    if route is None or draft.offer.service.type == OrderType.SUBSCRIPTIONS:
        return None
    return offers.cost(route, quantity=draft.content.quantity)


def _first_status(draft: Draft) -> Status:
    if draft.upstream_id is not None:
        return Status.PENDING
    if draft.content.is_drip_feed:
        return Status.IN_PROGRESS
    if draft.offer.routes or draft.offer.manual:
        return Status.QUEUED
    return Status.HELD


def _charge(order: Order, debit_e8: int) -> book.Posting:
    return book.Posting(
        key=f"order:{order.pk}:charge",
        debit=chart.customer(order.user_id),
        credit=chart.SALES,
        amount_e8=debit_e8,
        code=Code.ORDER_CHARGE,
    )
