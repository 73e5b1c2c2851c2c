"""What a customer sees of their orders, in the shapes of the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.conf import settings

from relaypanel import money
from relaypanel.contract import OrderType, StatusReply, SubscriptionReply, SubscriptionWord
from relaypanel.orders import states
from relaypanel.orders.models import FINAL, DripFeed, Order, Status, Subscription

_COLUMNS = (
    "id",
    "type",
    "status",
    "charge_e8",
    "refunded_e8",
    "start_count",
    "remains",
    "quantity",
    "fields",
    "parent_id",
    "ended_at",
)

_ENDS = (SubscriptionWord.COMPLETED, SubscriptionWord.EXPIRED)


def statuses(
    *, user_id: int, order_ids: Collection[int]
) -> dict[int, StatusReply | SubscriptionReply]:
    """Return how each of the user's orders stands, keyed by ID; the others are absent.

    `charge` is what the order has cost so far: what was paid less what came back.
    """
    orders = list(Order.objects.filter(user_id=user_id, pk__in=order_ids).only(*_COLUMNS))
    feeds = _feeds(orders)
    parents = [order for order in orders if order.pk in feeds or _is_subscription(order)]
    children = _children(parents)
    known = _subscriptions(parents)
    return {
        order.pk: _subscription(order, known.get(order.pk), children[order.pk])
        if _is_subscription(order)
        else _status(order, feeds.get(order.pk), children[order.pk])
        for order in orders
    }


def ids_by_ref(*, user_id: int, client_refs: Collection[str]) -> dict[str, int]:
    """Return the user's order IDs by the caller's own names for them."""
    rows = Order.objects.filter(user_id=user_id, client_ref__in=client_refs)
    return {ref: pk for ref, pk in rows.values_list("client_ref", "pk") if ref is not None}


def _is_subscription(order: Order) -> bool:
    return order.type == OrderType.SUBSCRIPTIONS and order.parent_id is None


def _feeds(orders: Iterable[Order]) -> dict[int, DripFeed]:
    # A drip-feed is of a type that allows it; most calls need no further look.
    candidates = [
        order.pk
        for order in orders
        if order.type in (OrderType.DEFAULT, OrderType.WEB_TRAFFIC) and order.parent_id is None
    ]
    return DripFeed.objects.in_bulk(candidates) if candidates else {}


def _children(parents: Sequence[Order]) -> defaultdict[int, list[Order]]:
    found: defaultdict[int, list[Order]] = defaultdict(list)
    if parents:
        rows = Order.objects.filter(parent__in=parents).only(*_COLUMNS).order_by("parent", "run")
        for child in rows:
            assert child.parent_id is not None
            found[child.parent_id].append(child)
    return found


def _subscriptions(parents: Iterable[Order]) -> dict[int, Subscription]:
    candidates = [order.pk for order in parents if _is_subscription(order)]
    return Subscription.objects.in_bulk(candidates) if candidates else {}


def _status(order: Order, feed: DripFeed | None, runs: Sequence[Order]) -> StatusReply:
    reply = StatusReply(
        charge=money.text(order.charge_e8 - order.refunded_e8),
        start_count=str(order.start_count or 0),
        status=states.WORDS[Status(order.status)],
        remains=str(order.remains),
        currency=settings.CURRENCY,
    )
    if feed is not None:
        reply["start_count"] = str(_feed_start_count(runs))
        reply["remains"] = str(_feed_remains(order, feed, runs))
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
