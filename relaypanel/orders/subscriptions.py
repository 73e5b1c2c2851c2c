"""Subscriptions: the provider watches for posts and makes an order for each; we mirror
those as child orders and charge each one as it appears.

A post is unique per (provider, upstream ID), so that a repeated answer charges nothing.  A
post that the balance does not cover waits, and so do those after it; until they are charged
the subscription is paused and does not end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction

from relaypanel import money
from relaypanel.catalogue.offers import Offer
from relaypanel.contract import OrderType, OrderWord, SubscriptionWord
from relaypanel.ledger import book
from relaypanel.orders import insert, states
from relaypanel.orders.models import FINAL, Order, PausedFor, Status, Subscription
from relaypanel.orders.types import Content
from relaypanel.providers.answers import Rejected, UpstreamStatus

Told = Mapping[str, UpstreamStatus | Rejected]

# New posts mirrored at one look, which is one more call for their sizes; the rest come next time.
POSTS_MAX: Final = 100
# IDs in one look-up; SQLite takes 32,766 variables in a statement.
_IDS_AT_ONCE: Final = 1_000

_ORDER_WORDS: Final = {
    SubscriptionWord.ACTIVE: OrderWord.IN_PROGRESS,
    SubscriptionWord.PAUSED: OrderWord.IN_PROGRESS,
    SubscriptionWord.COMPLETED: OrderWord.COMPLETED,
    SubscriptionWord.EXPIRED: OrderWord.COMPLETED,
    SubscriptionWord.CANCELED: OrderWord.CANCELED,
}
# What a panel means that tells of a subscription in the words of an order.
_OWN_WORDS: Final = {
    OrderWord.PENDING: SubscriptionWord.ACTIVE,
    OrderWord.PROCESSING: SubscriptionWord.ACTIVE,
    OrderWord.IN_PROGRESS: SubscriptionWord.ACTIVE,
    OrderWord.COMPLETED: SubscriptionWord.COMPLETED,
    OrderWord.PARTIAL: SubscriptionWord.EXPIRED,
    OrderWord.CANCELED: SubscriptionWord.CANCELED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """`answer` is what was told, in the words of an order; `changed`: rows were written."""

    answer: UpstreamStatus
    changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Posts:
    """New posts, oldest first: those to be charged, and how many more than were ordered."""

    wanted: list[str]
    beyond: int


def is_one(order: Order) -> bool:
    return order.type == OrderType.SUBSCRIPTIONS and order.parent_id is None


def unseen(*, orders: Sequence[Order], told: Told) -> list[str]:
    """Return the upstream IDs of new posts: how they stand is to be asked before `follow`."""
    found: list[str] = []
    for order in orders:
        answer = told.get(order.upstream_id or "")
        if _is_followed(order) and isinstance(answer, UpstreamStatus) and answer.children:
            sizes = _known(order).waiting_sizes
            wanted = _new_posts(order, answer.children).wanted
            found += [post for post in wanted if post not in sizes][:POSTS_MAX]
    return found


def follow(*, parent: Order, answer: UpstreamStatus, told: Told, now: datetime) -> Followed:
    """Mirror the posts that a provider tells of, and keep how the subscription itself stands.

    `told` holds what was said of the posts.  Nothing is written where nothing changed.
    Raises states.LostRace when another worker mirrors the same posts.
    """
    rest, changed = 0, False
    if _is_followed(parent) and _is_news(parent, answer):
        try:
            rest, changed = _follow(parent, answer, told, now)
        except IntegrityError:
            raise states.LostRace(f"the posts of order {parent.pk}") from None
    # Those that are left were served: it does not end before they are charged.
    word = OrderWord.IN_PROGRESS if rest else _order_word(answer)
    return Followed(answer=replace(answer, word=word, subscription=None), changed=changed)


def size(*, parent: Order, seen: UpstreamStatus | Rejected | None) -> int:
    """Return how many pieces a post has, as far as its first sight tells.

    No field of API v2 says it.  What is left to deliver is the size of a post that has just
    begun; else the provider's price and rate tell it, where they leave no rest.  Where neither
    does, a post at a flat price counts as the largest one, so that what is refunded in part is
    a part of what was ordered; one that is paid by the thousand counts as the smallest one,
    because nobody is charged for what may not have been delivered.
    """
    least, most = int(parent.fields["min"]), int(parent.fields["max"])
    told = _sizes_told(parent, seen) if isinstance(seen, UpstreamStatus) else ()
    fallback = most if parent.rate_per == 1 else least
    return next((pieces for pieces in told if least <= pieces <= most), fallback)


def _sizes_told(parent: Order, seen: UpstreamStatus) -> Iterator[int]:
    if seen.remains is not None and seen.word not in (OrderWord.COMPLETED, OrderWord.PARTIAL):
        yield seen.remains
    if parent.rate_per == 1 or seen.cost_e8 is None:
        return
    assert parent.upstream_service is not None
    rate_e8 = parent.upstream_service.rate_e8
    if rate_e8 > 0 and seen.cost_e8 * parent.rate_per % rate_e8 == 0:
        yield seen.cost_e8 * parent.rate_per // rate_e8


def _is_followed(order: Order) -> bool:
    # What its provider makes after the end is not the customer's to pay.
    return is_one(order) and order.status not in FINAL


def _known(parent: Order) -> Subscription:
    return Subscription.objects.filter(pk=parent.pk).first() or Subscription(order=parent)


def _new_posts(parent: Order, told: Sequence[str]) -> _Posts:
    if not told:
        return _Posts(wanted=[], beyond=0)
    ours = list(Order.objects.filter(parent=parent).values_list("upstream_id", "status"))
    unknown = set(told) - {upstream_id for upstream_id, _ in ours}
    unknown -= _other_orders(parent, sorted(unknown))
    # Told once however often it is listed.
    fresh = [post for post in dict.fromkeys(told) if post in unknown]
    # One that was canceled cost nothing, and the provider may serve another in its place.
    charged = sum(status != Status.CANCELED for _, status in ours)
    room = max(int(parent.fields.get("posts", len(told) + charged)) - charged, 0)
    return _Posts(wanted=fresh[:room], beyond=len(fresh[room:]))


def _other_orders(parent: Order, upstream_ids: Sequence[str]) -> set[str | None]:
    assert parent.provider_id is not None
    found: set[str | None] = set()
    for start in range(0, len(upstream_ids), _IDS_AT_ONCE):
        rows = Order.objects.filter(
            provider_id=parent.provider_id,
            upstream_id__in=upstream_ids[start : start + _IDS_AT_ONCE],
        )
        found.update(rows.values_list("upstream_id", flat=True))
    return found


def _is_news(parent: Order, answer: UpstreamStatus) -> bool:
    known, posts = _known(parent), _new_posts(parent, answer.children)
    word = _own_word(answer) or known.word
    return (
        bool(posts.wanted)
        or word != known.word
        or known.paused_for != _paused_for(word, posts_waiting=0)
        or known.posts_beyond != posts.beyond
    )


def _own_word(answer: UpstreamStatus) -> SubscriptionWord | None:
    if answer.subscription is not None:
        return answer.subscription
    return None if answer.word is None else _OWN_WORDS[answer.word]


def _order_word(answer: UpstreamStatus) -> OrderWord | None:
    if answer.subscription is not None:
        return _ORDER_WORDS[answer.subscription]
    # A subscription has no charge of its own, and so nothing to give back in part.
    return OrderWord.COMPLETED if answer.word is OrderWord.PARTIAL else answer.word


def _paused_for(word: str, *, posts_waiting: int) -> PausedFor | str:
    if posts_waiting:
        return PausedFor.NO_FUNDS
    return PausedFor.UPSTREAM if word == SubscriptionWord.PAUSED else ""


def _follow(parent: Order, answer: UpstreamStatus, told: Told, now: datetime) -> tuple[int, bool]:
    """Return how many posts are still to be charged, and whether anything changed."""
    with transaction.atomic():
        held_e8 = book.lock([parent.user_id])
        # Both again, because only under the lock they are sure to be the last.
        known = _known(parent)
        posts = _new_posts(parent, answer.children)
        sizes = {
            post: known.waiting_sizes.get(post) or size(parent=parent, seen=told.get(post))
            for post in posts.wanted[:POSTS_MAX]
        }
        drafts = _drafts(parent, sizes, held_e8[parent.user_id])
        insert.write(drafts, now=now, held_e8=held_e8)
        rest = len(posts.wanted) - len(drafts)
        waits = len(drafts) < len(sizes)
        known.waiting_sizes = dict(list(sizes.items())[len(drafts) :])
        known.posts_waiting = rest if waits else 0
        known.posts_beyond = posts.beyond
        known.word = _own_word(answer) or known.word
        is_news = _note(known, now)
    return rest, is_news or bool(drafts)


def _drafts(parent: Order, sizes: Mapping[str, int], balance_e8: int) -> list[insert.Draft]:
    """Return the posts that the balance covers, up to the first that it does not."""
    drafts: list[insert.Draft] = []
    first_run = Order.objects.filter(parent=parent).count() + 1
    for run, (upstream_id, pieces) in enumerate(sizes.items(), first_run):
        price_e8 = money.price(
            rate_e8=parent.rate_e8,
            quantity=1 if parent.rate_per == 1 else pieces,
            rate_per=parent.rate_per,
        )
        if price_e8 > balance_e8:
            break
        balance_e8 -= price_e8
        drafts.append(_draft(parent, upstream_id, run=run, pieces=pieces, price_e8=price_e8))
    return drafts


def _draft(
    parent: Order, upstream_id: str, *, run: int, pieces: int, price_e8: int
) -> insert.Draft:
    route = parent.upstream_service
    assert route is not None
    return insert.Draft(
        user_id=parent.user_id,
        offer=Offer(service=parent.service, rate_e8=parent.rate_e8, routes=(route,), manual=False),
        content=Content(link=parent.link, quantity=pieces),
        charge_e8=price_e8,
        debit_e8=price_e8,
        parent=parent,
        run=run,
        upstream_id=upstream_id,
    )


def _note(known: Subscription, now: datetime) -> bool:
    """Write how a subscription stands, if that changed, with an event where people should know."""
    before = _known(known.order)
    known.paused_for = _paused_for(known.word, posts_waiting=known.posts_waiting)
    columns = ("word", "paused_for", "posts_waiting", "posts_beyond", "waiting_sizes")
    if all(getattr(known, name) == getattr(before, name) for name in columns):
        return False
    known.save()
    events = {
        f"paused_for_{known.paused_for}": known.paused_for not in ("", before.paused_for),
        "resumed": before.paused_for and not known.paused_for,
        "posts_beyond_order": known.posts_beyond > before.posts_beyond,
    }
    for reason, happened in events.items():
        if happened:
            states.record([known.order], now=now, reason=reason)
    return True
