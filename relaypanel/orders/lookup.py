"""What a customer sees of their orders, in the shapes of the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings

from relaypanel import money, prepared
from relaypanel.accounts import keys
from relaypanel.contract import OrderType, StatusReply, SubscriptionReply, SubscriptionWord
from relaypanel.orders import states
from relaypanel.orders.models import FINAL, DripFeed, Order, Status, Subscription

# Last, whether it may be delivered in parts: a drip-feed is never sent itself.  To ask the
# timetables here would cost each call a tenth; so those are asked about what staff deliver.
_COLUMNS: Final = f"""
    it.id, it.status, it.charge_e8 - it.refunded_e8, it.start_count, it.remains,
    it.parent_id IS NULL
    AND (it.type = '{OrderType.SUBSCRIPTIONS}'
         OR (it.provider_id IS NULL AND it.status <> '{Status.QUEUED}'))
"""  # nosec B608
_FIND: Final = prepared.Statement(
    f"""
    SELECT {_COLUMNS} FROM orders_order AS it
     WHERE it.user_id = $1 AND it.id {prepared.among("$2")}
    """  # nosec B608
)
_IN_PARTS: Final = prepared.Statement(
    f"""
    SELECT it.id FROM orders_order AS it
     WHERE it.id {prepared.among("$1")}
           AND (it.type = '{OrderType.SUBSCRIPTIONS}'
                OR EXISTS (SELECT 1 FROM orders_dripfeed AS feed WHERE feed.order_id = it.id))
    """  # nosec B608
)
# For a caller of the API who asks about one order: it comes with the look-up of the key.
ORDER_OF_CALLER: Final = keys.Finder(
    _COLUMNS,
    "LEFT JOIN orders_order AS it ON it.user_id = caller.id AND it.id = $2",
)

_WORDS: Final[Mapping[str, str]] = {status.value: word for status, word in states.WORDS.items()}

_ENDS = (SubscriptionWord.COMPLETED, SubscriptionWord.EXPIRED)


def statuses(
    *, user_id: int, order_ids: Collection[int]
) -> dict[int, StatusReply | SubscriptionReply]:
    """Return how each of the user's orders stands, keyed by ID; the others are absent.

    `charge` is what the order has cost so far: what was paid less what came back.
    """
    rows = _FIND.rows(user_id, list(order_ids))
    found: dict[int, StatusReply | SubscriptionReply] = {}
    doubtful: list[int] = []
    # Read once: to read a setting takes as long as to write the number of an amount.
    currency = settings.CURRENCY
    for order_id, status, cost_e8, start_count, remains, is_doubtful in rows:
        if is_doubtful:
            doubtful.append(order_id)
        found[order_id] = _status(status, cost_e8, start_count, remains, currency)
    if doubtful:
        found.update(_in_parts(doubtful))
    return found


def one(columns: Sequence[Any]) -> StatusReply | SubscriptionReply | None:
    """Return how the order stands that ORDER_OF_CALLER found; None: it found none."""
    order_id, status, cost_e8, start_count, remains, is_doubtful = columns
    if order_id is None:
        return None
    if is_doubtful and (reply := _in_parts([order_id]).get(order_id)):
        return reply
    return _status(status, cost_e8, start_count, remains, settings.CURRENCY)


def ids_by_ref(*, user_id: int, client_refs: Collection[str]) -> dict[str, int]:
    """Return the user's order IDs by the caller's own names for them."""
    rows = Order.objects.filter(user_id=user_id, client_ref__in=client_refs)
    return {ref: pk for ref, pk in rows.values_list("client_ref", "pk") if ref is not None}


def _status(
    status: str, cost_e8: int, start_count: int | None, remains: int, currency: str
) -> StatusReply:
    # A call asks for a hundred of these: a plain dict takes half the time of a TypedDict's call.
    return {
        "charge": money.text(cost_e8),
        "start_count": str(start_count or 0),
        "status": _WORDS[status],
        "remains": str(remains),
        "currency": currency,
    }


def _in_parts(order_ids: Sequence[int]) -> dict[int, StatusReply | SubscriptionReply]:
    """Return how those of the orders stand that are delivered in parts."""
    order_ids = [order_id for (order_id,) in _IN_PARTS.rows(order_ids)]
    if not order_ids:
        return {}
    orders = Order.objects.select_related("drip_feed", "subscription").in_bulk(order_ids)
    children: defaultdict[int | None, list[Order]] = defaultdict(list)
    for child in Order.objects.filter(parent__in=order_ids).order_by("parent", "run"):
        children[child.parent_id].append(child)
    return {
        order.pk: _subscription(order, getattr(order, "subscription", None), children[order.pk])
        if order.type == OrderType.SUBSCRIPTIONS
        else _drip_feed(order, children[order.pk])
        for order in orders.values()
    }


def _drip_feed(order: Order, runs: Sequence[Order]) -> StatusReply:
    feed = order.drip_feed
    reply = _status(
        order.status,
        order.charge_e8 - order.refunded_e8,
        _feed_start_count(runs),
        _feed_remains(order, feed, runs),
        settings.CURRENCY,
    )
    reply["runs"] = str(feed.runs)
    reply["orders"] = [str(run.pk) for run in runs]
    return reply


def _feed_start_count(runs: Iterable[Order]) -> int:
    """Return what was there before the first run, 0 until somebody has counted."""
    return next((run.start_count for run in runs if run.start_count is not None), 0)


def _feed_remains(order: Order, feed: DripFeed, runs: Sequence[Order]) -> int:
    return sum(run.remains for run in runs) + (feed.runs - len(runs)) * order.quantity


def _subscription(
    order: Order, known: Subscription | None, posts: Sequence[Order]
) -> SubscriptionReply:
    spent_e8 = sum(post.charge_e8 - post.refunded_e8 for post in posts)
    return SubscriptionReply(
        status=_subscription_word(order, known, served=len(posts)),
        expiry=order.fields.get("expiry"),
        posts=str(len(posts)),
        orders=[str(post.pk) for post in posts],
        charge=money.text(spent_e8),
        currency=settings.CURRENCY,
    )


def _subscription_word(
    order: Order, known: Subscription | None, *, served: int
) -> SubscriptionWord:
    if order.status == Status.CANCELED:
        return SubscriptionWord.CANCELED
    if order.status not in FINAL:
        is_paused = known is not None and known.paused_for != ""
        return SubscriptionWord.PAUSED if is_paused else SubscriptionWord.ACTIVE
    if known is not None and known.word in _ENDS:
        return SubscriptionWord(known.word)
    # Staff ended it by hand: what it served tells which end that was.
    wanted = int(order.fields.get("posts", 0))
    return SubscriptionWord.COMPLETED if served >= wanted > 0 else SubscriptionWord.EXPIRED
