"""Orders that are made of others, as lists: drip-feeds and subscriptions; and their switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from relaypanel.contract import OrderType
from relaypanel.orders import schedules
from relaypanel.orders.models import FINAL, DripFeed, FeedState, Order
from relaypanel.orders.requests import OrderNotFound

PAGE: Final = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`after` is the ID of the last one, None on the last page."""

    orders: Sequence[Order]
    after: int | None


def drip_feeds(
    *, user_id: int, state: FeedState | None = None, after: int | None = None, size: int = PAGE
) -> Page:
    """Return the user's drip-feeds, the latest first."""
    rows = DripFeed.objects.filter(user_id=user_id)
    if state is not None:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(order_id__lt=after)
    ids = list(rows.order_by("-order_id").values_list("order_id", flat=True)[: size + 1])
    return _page(user_id, ids, size)


def subscriptions(
    *, user_id: int, is_open: bool | None = None, after: int | None = None, size: int = PAGE
) -> Page:
    """Return the user's subscriptions, the latest first."""
    rows = Order.objects.filter(user_id=user_id, type=OrderType.SUBSCRIPTIONS, parent=None)
    if is_open is not None:
        rows = rows.exclude(status__in=FINAL) if is_open else rows.filter(status__in=FINAL)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    ids = list(rows.order_by("-id").values_list("id", flat=True)[: size + 1])
    return _page(user_id, ids, size)


def pause(*, user_id: int, order_id: int, now: datetime) -> None:
    """Make no run until it is resumed.  Raises OrderNotFound and DripFeedOver."""
    schedules.pause(_own(user_id, order_id), now=now)


def resume(*, user_id: int, order_id: int, now: datetime) -> None:
    """Go on with a drip-feed that was paused.  Raises OrderNotFound and DripFeedOver."""
    schedules.resume(_own(user_id, order_id), now=now)


def stop(*, user_id: int, order_id: int, now: datetime) -> None:
    """Make no further run and give back what they would have cost; once stopped, nothing more.

    Whether the service can be canceled does not matter: nobody upstream has heard of these runs.
    Raises OrderNotFound.
    """
    schedules.stop(_own(user_id, order_id), now=now)


def _own(user_id: int, order_id: int) -> Order:
    rows: QuerySet[Order] = Order.objects.filter(user_id=user_id, drip_feed__isnull=False)
    found = rows.filter(pk=order_id).first()
    if found is None:
        raise OrderNotFound
    return found


def _page(user_id: int, ids: Sequence[int], size: int) -> Page:
    shown = ids[:size]
    rows = Order.objects.filter(user_id=user_id).select_related("service__category__platform")
    found = rows.defer("service__description").in_bulk(shown)
    return Page(
        orders=[found[order_id] for order_id in shown],
        after=shown[-1] if len(ids) > size else None,
    )
