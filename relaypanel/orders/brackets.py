"""Between which upstream IDs an order must lie that nobody told its own.

A provider's IDs grow, so an order lies above every ID that was recorded before its intent
and below every ID of an order begun when nothing of it could arrive any more.  The first is
read from the order of the events and needs no clock; the second rests on the database's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Max, QuerySet

from relaypanel.contract import TYPES, OrderType
from relaypanel.duties.models import Restoration
from relaypanel.orders.matching import Bracket, Lost
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.models import Provider

# What staff do with an unconfirmed order although nobody knows whether upstream has it.
STAFF: Final = "staff"
REQUEUED_BY_STAFF: Final = "requeued_by_staff"
REFUNDED_BY_STAFF: Final = "refunded_by_staff"

# How far in time from an order its neighbours are looked for: all of a busy panel's sendings in
# between are walked through, at a few microseconds each.
REACH: Final = timedelta(days=1)
# Orders that were attached stand between the neighbours, and after a bad hour there are many.
PAGES_MAX: Final = 20
# IDs looked at above the newest known one where no later order closes a bracket.
OPEN_IDS: Final = 100
# What one statement asks about; SQLite takes 32,766 variables.
IDS_IN_A_STATEMENT: Final = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One sending that nobody answered for; past `settled_at` nothing of it can still arrive."""

    order: Order
    # The event of its intent.  Events are numbered in the order in which they happened.
    intent_id: int
    begun_at: datetime
    settled_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """An order of ours whose upstream ID is known; `accepted_id` is the event that told it."""

    upstream_id: int
    accepted_id: int
    begun_at: datetime


def lease(provider: Provider) -> timedelta:
    """Return for how long after its intent an order may be on its way: until `sending_until`."""
    return 2 * timedelta(milliseconds=provider.deadline_ms)


def margin(provider: Provider) -> timedelta:
    """Return how long after `sending_until` a call may still lie in a queue on the other side."""
    return 2 * timedelta(milliseconds=provider.deadline_ms)


def settled_at(order: Order) -> datetime | None:
    """Return past which moment nothing of an order's last sending can arrive upstream.

    None: nothing of it is on its way.
    """
    if order.sending_until is None:
        return None
    assert order.provider is not None
    return order.sending_until + margin(order.provider)


def is_settled(order: Order, *, now: datetime) -> bool:
    settled = settled_at(order)
    return settled is None or settled < now


def attempts(orders: Iterable[Order]) -> list[Attempt]:
    """Return the last sending of each order that is still being sent or is unconfirmed."""
    by_id = {order.pk: order for order in orders}
    intents = _intents(by_id)
    found = []
    for order_id, order in by_id.items():
        settled = settled_at(order)
        if order_id in intents and settled is not None:
            intent_id, begun_at = intents[order_id]
            found.append(
                Attempt(order=order, intent_id=intent_id, begun_at=begun_at, settled_at=settled)
            )
    return found


def ghosts(provider: Provider, *, since: datetime) -> list[Attempt]:
    """Return the sendings since then that staff decided about without proof.

    What they may have left upstream can look like another order of ours.
    """
    decisions = (
        OrderEvent.objects.filter(
            from_status=Status.UNCONFIRMED,
            at__gte=since,
            reason__in=(STAFF, REQUEUED_BY_STAFF, REFUNDED_BY_STAFF),
            order__provider=provider,
        )
        .select_related("order__provider", "order__upstream_service")
        .order_by("pk")
    )
    found = []
    for decision in decisions:
        intents = _intents([decision.order_id], before=decision.pk)
        for intent_id, begun_at in intents.values():
            found.append(
                Attempt(
                    order=decision.order,
                    intent_id=intent_id,
                    begun_at=begun_at,
                    settled_at=decision.at,
                )
            )
    return found


def below(attempt: Attempt) -> Neighbour | None:
    """Return the highest ID recorded before the intent."""
    since = attempt.begun_at - REACH
    restored_at = Restoration.objects.aggregate(at=Max("at"))["at"]
    if restored_at is not None:
        # The backup has forgotten orders, which could be taken for one that it remembers.
        since = max(since, restored_at)
    rows = _sent(attempt).filter(at__lte=attempt.begun_at, at__gte=since, pk__lt=attempt.intent_id)
    earlier = _nearest(attempt, rows.order_by("-at", "-pk"))
    recorded = [one for one in earlier if one.accepted_id < attempt.intent_id]
    return max(recorded, key=lambda one: one.upstream_id, default=None)


def above(attempt: Attempt) -> Neighbour | None:
    """Return the lowest ID of the orders that were begun when this one was settled."""
    until = attempt.settled_at + REACH
    rows = _sent(attempt).filter(at__gt=attempt.settled_at, at__lte=until)
    later = _nearest(attempt, rows.order_by("at", "pk"))
    return min(later, key=lambda one: one.upstream_id, default=None)


def newest(attempt: Attempt) -> int:
    """Return the highest ID among the orders begun last."""
    rows = _sent(attempt).filter(at__gte=attempt.begun_at)
    latest = _nearest(attempt, rows.order_by("-at", "-pk"))
    return max((one.upstream_id for one in latest), default=0)


def lost(attempt: Attempt, bracket: Bracket, *, asked: Sequence[int] = ()) -> Lost:
    """Return what the order of an attempt should look like upstream."""
    rate_e8, rate_per = rate(attempt.order)
    return Lost(
        order_id=attempt.order.pk,
        bracket=bracket,
        quantity=attempt.order.quantity,
        rate_e8=rate_e8,
        rate_per=rate_per,
        asked=asked,
    )


def rate(order: Order) -> tuple[int | None, int]:
    """Return what its provider takes for how many pieces; None: nobody can tell."""
    upstream = order.upstream_service
    assert upstream is not None
    upstream_type = OrderType(upstream.type)
    rate_per = TYPES[upstream_type].rate_per
    # What a subscription costs depends on the posts that are still to come.
    if upstream_type is OrderType.SUBSCRIPTIONS:
        return None, rate_per
    return upstream.rate_e8, rate_per


def known(provider_id: int, upstream_ids: Collection[int]) -> set[int]:
    """Return which of these IDs are orders of ours."""
    rows = Order.objects.filter(provider_id=provider_id)
    texts = [str(upstream_id) for upstream_id in upstream_ids]
    found: set[int] = set()
    for start in range(0, len(texts), IDS_IN_A_STATEMENT):
        some = rows.filter(upstream_id__in=texts[start : start + IDS_IN_A_STATEMENT])
        ours = some.values_list("upstream_id", flat=True)
        found.update(int(upstream_id) for upstream_id in ours if upstream_id is not None)
    return found


def _intents(
    order_ids: Collection[int], *, before: int | None = None
) -> dict[int, tuple[int, datetime]]:
    rows = OrderEvent.objects.filter(order_id__in=order_ids, to_status=Status.SENDING)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    ordered = rows.order_by("pk").values_list("order_id", "pk", "at")
    return {order_id: (pk, at) for order_id, pk, at in ordered}


def _sent(attempt: Attempt) -> QuerySet[OrderEvent]:
    """Return the sendings to the same provider whose upstream ID is known."""
    # A sum is in no index.  So the database walks through the sendings in their order and stops
    # soon, where it would else start from all orders of a provider.
    sent = OrderEvent.objects.alias(provider=F("order__provider_id") + 0)
    return sent.filter(
        to_status=Status.SENDING,
        provider=attempt.order.provider_id,
        order__upstream_id__isnull=False,
    )


def _nearest(attempt: Attempt, sent: QuerySet[OrderEvent]) -> list[Neighbour]:
    """Return the first of these sendings that were answered: all that can have overlapped."""
    assert attempt.order.provider is not None
    # Two workers may each have had that many on their way, one of them when it died.
    enough = 2 * attempt.order.provider.concurrency + 16
    found: list[Neighbour] = []
    for page in range(PAGES_MAX):
        start, stop = 2 * enough * page, 2 * enough * (page + 1)
        rows = list(sent.values_list("order_id", "order__upstream_id", "at")[start:stop])
        found += _answered(rows)
        if len(found) >= enough or len(rows) < stop - start:
            break
    return found


def _answered(rows: Sequence[tuple[int, str | None, datetime]]) -> list[Neighbour]:
    accepted = _accepted([order_id for order_id, _, _ in rows])
    return [
        Neighbour(upstream_id=int(upstream_id), accepted_id=accepted[order_id], begun_at=at)
        for order_id, upstream_id, at in rows
        if order_id in accepted and upstream_id and upstream_id.isdecimal()
    ]


def _accepted(order_ids: Collection[int]) -> dict[int, int]:
    """Return the events that told upstream IDs, by order.

    Straight from being sent: an ID that was attached later may be of an earlier attempt.
    """
    events = OrderEvent.objects.filter(
        order_id__in=order_ids, from_status=Status.SENDING, to_status=Status.PENDING
    )
    return dict(events.values_list("order_id", "pk"))
