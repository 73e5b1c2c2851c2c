"""Writes new orders: their rows, then their charges and first events, in two journeys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from relaypanel import database, prepared
from relaypanel.catalogue import offers
from relaypanel.catalogue.offers import Offer
from relaypanel.contract import OrderType
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.orders.models import Order, OrderEvent, RefillWatch, Status
from relaypanel.orders.types import Content

# In the order of _row.
_ORDERS: Final = prepared.Insert(
    Order,
    "user_id",
    "service_id",
    "type",
    "link",
    "quantity",
    "fields",
    "rate_e8",
    "rate_per",
    "charge_e8",
    "client_ref",
    "content_hash",
    "cost_expected_e8",
    "placed_at",
    "due_at",
    "remains",
    "provider_id",
    "upstream_service_id",
    "upstream_id",
    "parent_id",
    "run",
    "status",
)
_EVENTS: Final = prepared.Insert(OrderEvent, "order_id", "at", "to_status", "reason")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
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


def write(
    drafts: Sequence[Draft], *, now: datetime, held_e8: Mapping[int, int] | None = None
) -> list[int]:
    """Write the drafts within the caller's transaction and return their orders' IDs, in order.

    The caller has locked the accounts, which hold `held_e8`, and judged that they cover the
    debits; None: nothing is debited.
    """
    assert database.in_transaction()
    if not drafts:
        return []
    statuses = [_first_status(draft) for draft in drafts]
    ids = _ORDERS.write(
        [_row(draft, status, now) for draft, status in zip(drafts, statuses, strict=True)]
    )
    book.post_new(
        [
            _charge(order_id, draft)
            for order_id, draft in zip(ids, drafts, strict=True)
            if draft.debit_e8 > 0
        ],
        held_e8=held_e8 or {},
        now=now,
        beside=_EVENTS.asks(
            [
                (order_id, now, status, "placed")
                for order_id, status in zip(ids, statuses, strict=True)
            ]
        ),
    )
    watched = [
        RefillWatch(order_id=order_id, due_at=now)
        for order_id, draft in zip(ids, drafts, strict=True)
        if _is_counted_again(draft)
    ]
    if watched:
        RefillWatch.objects.bulk_create(watched)
    return ids


def _is_counted_again(draft: Draft) -> bool:
    # A drip-feed is refilled run by run, and of a subscription nothing is delivered but its posts.
    is_whole = draft.content.is_drip_feed or (
        draft.offer.service.type == OrderType.SUBSCRIPTIONS and draft.parent is None
    )
    return draft.offer.service.auto_refill and not is_whole


def _row(draft: Draft, status: Status, now: datetime) -> tuple[Any, ...]:
    content = draft.content
    route = None if content.is_drip_feed else next(iter(draft.offer.routes), None)
    # A part is what its whole was when it was ordered, whatever became of the service since.
    terms = draft.parent or draft.offer.service
    return (
        draft.user_id,
        draft.offer.service.pk,
        terms.type,
        content.link,
        content.quantity,
        content.fields,
        draft.offer.rate_e8,
        terms.rate_per,
        draft.charge_e8,
        draft.client_ref,
        draft.content_hash,
        _cost_expected(draft),
        now,
        now,
        content.quantity * content.runs,
        route.provider_id if route else None,
        route.pk if route else None,
        draft.upstream_id,
        draft.parent.pk if draft.parent else None,
        draft.run,
        status.value,
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


def _charge(order_id: int, draft: Draft) -> book.Posting:
    return book.Posting(
        key=f"order:{order_id}:charge",
        debit=chart.customer(draft.user_id),
        credit=chart.SALES,
        amount_e8=draft.debit_e8,
        code=Code.ORDER_CHARGE,
    )
