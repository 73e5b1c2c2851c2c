"""Automatic refills: completed orders are looked at again, and refilled when they dropped.

API v2 has no field for how many pieces are there now.  What a provider can say is `remains`,
the pieces that are missing: when it rises above what it was at the order's end, the provider
has counted again and found less than it had delivered.  A provider that never counts again
never says so, and then nothing is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from relaypanel import errors
from relaypanel.contract import OrderWord
from relaypanel.ledger import book
from relaypanel.orders import requests, states
from relaypanel.orders.models import Order, RefillWatch, Status
from relaypanel.providers.answers import Rejected, UpstreamStatus

# Refills of one order are a day apart, so it need not be counted more often.
EVERY: Final = timedelta(days=1)
BATCH: Final = 100


def due(*, provider_id: int, now: datetime) -> list[Order]:
    """Return the completed orders to ask about; those that are no longer refilled are let go."""
    watches = list(
        RefillWatch.objects.filter(due_at__lte=now, order__provider_id=provider_id)
        .select_related("order__service")
        .order_by("due_at", "pk")[:BATCH]
    )
    over = [watch.pk for watch in watches if _is_over(watch.order, now)]
    RefillWatch.objects.filter(pk__in=over).delete()
    RefillWatch.objects.filter(pk__in=[watch.pk for watch in watches]).update(due_at=now + EVERY)
    return [
        watch.order
        for watch in watches
        if watch.pk not in over and watch.order.status == Status.COMPLETED
    ]


def settle(
    *, orders: Sequence[Order], told: Mapping[str, UpstreamStatus | Rejected], now: datetime
) -> int:
    """Open a refill for each order of which more is missing than at its end; return how many."""
    opened = 0
    for order in orders:
        answer = told.get(order.upstream_id or "")
        if isinstance(answer, UpstreamStatus) and _has_dropped(order, answer):
            opened += _refill(order, now=now)
    return opened


def _has_dropped(order: Order, answer: UpstreamStatus) -> bool:
    # While it says that the order runs again, the provider is at it already.
    return answer.word is OrderWord.COMPLETED and (answer.remains or 0) > order.remains


def _is_over(order: Order, now: datetime) -> bool:
    if order.status in (Status.PARTIAL, Status.CANCELED):
        return True
    days = order.service.refill_days
    if days is None or not order.service.auto_refill:
        return True
    return order.ended_at is not None and now > order.ended_at + timedelta(days=days)


def _refill(order: Order, *, now: datetime) -> bool:
    with transaction.atomic():
        book.lock([order.user_id])
        held = (
            Order.objects.select_for_update(of=("self",), no_key=True)
            .select_related("service")
            .get(pk=order.pk)
        )
        try:
            requests.open_refill(held, now=now)
        except errors.Refused:
            # One is open, or it is too soon after the last one; it is counted again tomorrow.
            return False
        states.record([held], now=now, reason="refill_opened_by_itself")
    return True
