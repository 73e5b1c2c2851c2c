"""Applies what providers say about orders they work on.

An order that did not change costs no write.  What a provider says is hostile input: an
answer counts only for the order it was asked about, and numbers are clamped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction

from relaypanel.contract import OrderType, OrderWord, SubscriptionWord
from relaypanel.ledger import book
from relaypanel.orders import refund, states, subscriptions
from relaypanel.orders.models import ACTIVE, FINAL, Order, Status
from relaypanel.providers.answers import Rejected, UpstreamStatus

log = structlog.get_logger(__name__)

_SUBSCRIPTION_WORDS = {
    SubscriptionWord.ACTIVE: OrderWord.IN_PROGRESS,
    SubscriptionWord.PAUSED: OrderWord.IN_PROGRESS,
    SubscriptionWord.COMPLETED: OrderWord.COMPLETED,
    SubscriptionWord.EXPIRED: OrderWord.COMPLETED,
    SubscriptionWord.CANCELED: OrderWord.CANCELED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Some of a provider's running orders, and where the next look starts (0: from the first)."""

    orders: list[Order]
    cursor: int


def due(*, provider_id: int, after: int, limit: int) -> Sweep:
    """Return the running orders of a provider with IDs above `after`, at most `limit`."""
    orders = list(
        Order.objects.filter(provider_id=provider_id, status__in=ACTIVE, pk__gt=after).order_by(
            "pk"
        )[:limit]
    )
    return Sweep(orders=orders, cursor=orders[-1].pk if len(orders) == limit else 0)


def settle(
    *, orders: Sequence[Order], told: Mapping[str, UpstreamStatus | Rejected], now: datetime
) -> int:
    """Apply what a provider told about `orders`, by upstream ID; return how many changed.

    An order that it did not mention stays as it is.  One that fails harms no other.
    """
    changed = 0
    for order in orders:
        answer = told.get(order.upstream_id or "")
        if answer is None:
            continue
        if isinstance(answer, Rejected):
            log.warning("status_refused", order=order.pk, fault=answer.fault, words=answer.words)
            continue
        try:
            changed += _apply(order, answer, now=now)
        except states.LostRace:
            # Somebody moved it meanwhile; the next sweep sees where it stands.
            log.info("poll_lost_race", order=order.pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # A row that trips over a bug of ours must not keep a hundred others waiting.
            log.exception("poll_failed", order=order.pk)
    return changed


def _apply(order: Order, answer: UpstreamStatus, *, now: datetime) -> bool:
    changed = False
    if order.type == OrderType.SUBSCRIPTIONS and order.parent_id is None and answer.children:
        changed = subscriptions.mirror(parent=order, upstream_ids=answer.children, now=now) > 0
    to, news = _read(order, answer)
    if to == order.status and not news:
        return changed
    with transaction.atomic():
        book.lock([order.user_id])
        if to == order.status:
            _progress(order, news)
        elif to in FINAL:
            remains = news.pop("remains", order.remains)
            refund.end(order, to=to, now=now, reason="upstream", remains=remains, **news)
        else:
            states.move(order, to=to, now=now, reason="upstream", **news)
    return True


def _read(order: Order, answer: UpstreamStatus) -> tuple[Status, dict[str, Any]]:
    """Return where the order should stand, and the columns that differ from what we hold."""
    to = _status(order, answer)
    told = {
        "start_count": answer.start_count,
        "remains": _clamped(order, answer.remains),
        "cost_e8": answer.cost_e8,
    }
    news = {
        name: value
        for name, value in told.items()
        if value is not None and value != getattr(order, name)
    }
    return to, news


def _status(order: Order, answer: UpstreamStatus) -> Status:
    word = answer.word
    if answer.subscription is not None:
        word = _SUBSCRIPTION_WORDS[answer.subscription]
    if word is None:
        # An unknown word means keep polling, never an end.
        return Status(order.status)
    if word is OrderWord.PARTIAL and answer.remains is None:
        # Without a clean number nobody knows what to give back: never guess with money.
        log.warning("partial_without_remains", order=order.pk)
        return Status(order.status)
    return states.FROM_WORD[word]


def _clamped(order: Order, remains: int | None) -> int | None:
    return None if remains is None else min(max(remains, 0), order.quantity)


def _progress(order: Order, news: dict[str, Any]) -> None:
    """Write progress within one status; the timeline keeps changes of status alone."""
    rows = Order.objects.filter(pk=order.pk, status=order.status)
    if rows.update(**news) != 1:
        raise states.LostRace(f"order {order.pk}")
    for name, value in news.items():
        setattr(order, name, value)
