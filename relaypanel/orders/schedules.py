"""Drip-feeds: each run is a child order, made when its time comes and paid by its parent.

A run is unique per (parent, number) and made in one transaction with its timetable, so a
crash or a second worker repeats nothing.

A run never comes inside its interval.  The interval starts when somebody sees that the run
before has left our queue: what waited there for its provider is not followed by a burst.
And only time that somebody watched counts: a clock that jumps forward makes no run early,
one that jumps back keeps none waiting, and after a standstill the runs keep their distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Sum

from relaypanel import errors, money
from relaypanel.catalogue.offers import Offer, usable_routes
from relaypanel.ledger import book
from relaypanel.orders import insert, refund, states
from relaypanel.orders.models import (
    FINAL,
    DripFeed,
    FeedState,
    Order,
    Status,
    Timekeeper,
)
from relaypanel.orders.types import Content
from relaypanel.providers.models import UpstreamService

BATCH: Final = 100

# Two looks further apart than this, or a clock that went back by more, and nobody knows how much
# time has passed.  The worker looks every two seconds.
WATCH_GAP_MAX: Final = timedelta(seconds=30)
# How often the watch is written down, so that an idle panel hardly writes.
WATCH_NOTED_EVERY: Final = timedelta(seconds=10)

# A run that stands here has not left us yet.
_WITH_US: Final = (Status.QUEUED, Status.SENDING, Status.HELD)
_TO_COME: Final = (FeedState.GOING, FeedState.PAUSED)


class DripFeedOver(errors.Refused):
    """No run of this drip-feed is to come, so there is nothing to pause or to resume."""

    code = "drip_feed_over"


class NoDripFeed(errors.Refused):
    code = "no_drip_feed"


def parent(order_id: int) -> Order:
    """Return the order of a drip-feed, whoever owns it.  Raises NoDripFeed."""
    found: Order | None = Order.objects.filter(pk=order_id, drip_feed__isnull=False).first()
    if found is None:
        raise NoDripFeed(f"order {order_id} is no drip-feed")
    return found


def look(*, now: datetime) -> int:
    """Do all that is due, and return how many runs were made.  Several may look at once."""
    with transaction.atomic():
        made = _look(now)
    close_ended(now=now)
    return made


def run_due(*, now: datetime) -> int:
    """Make the runs whose time has come, one of each drip-feed, and return how many."""
    with transaction.atomic():
        _start_intervals(now)
        feeds = list(
            DripFeed.objects.filter(state=FeedState.GOING, next_run_at__lte=now)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("order__service")
            .order_by("next_run_at", "pk")[:BATCH]
        )
        _make(feeds, now)
    return len(feeds)


def make_missed(*, now: datetime) -> None:
    """Make each run that can have been made by `now`, in a database that may have forgotten it."""
    with transaction.atomic():
        feeds = DripFeed.objects.filter(state__in=_TO_COME).select_for_update(of=("self",))
        earliest = {feed: _earliest(feed) for feed in feeds.select_related("order__service")}
        while due := [feed for feed, at in earliest.items() if at <= now][:BATCH]:
            _make(due, now)
            for feed in due:
                earliest[feed] += timedelta(minutes=feed.interval_minutes)
                if feed.state == FeedState.MADE:
                    del earliest[feed]


def pause(parent: Order, *, now: datetime) -> None:
    """Make no run of this drip-feed until it is resumed; nothing is refunded.

    Raises DripFeedOver.
    """
    _switch(parent, to=FeedState.PAUSED, reason="drip_feed_paused", now=now)


def resume(parent: Order, *, now: datetime) -> None:
    """Go on with a drip-feed: a run whose time has passed comes at once, the others after it.

    Raises DripFeedOver.
    """
    _switch(parent, to=FeedState.GOING, reason="drip_feed_resumed", now=now)


def stop(parent: Order, *, now: datetime) -> None:
    """Make no further run of this drip-feed and return what they would have cost.

    Runs that were made go on; the drip-feed ends with the last of them.
    """
    with transaction.atomic():
        book.lock([parent.user_id])
        feed = _locked(parent)
        if feed.state not in _TO_COME:
            return
        refund_e8 = (feed.runs - feed.next_run + 1) * _run_charge(parent)
        Order.objects.filter(pk=parent.pk).update(refunded_e8=F("refunded_e8") + refund_e8)
        refund.pay_back(parent, refund_e8, now=now)
        feed.state, feed.next_run_at = FeedState.MADE, None
        feed.save(update_fields=["state", "next_run_at"])
        states.record([parent], now=now, reason="drip_feed_stopped")


def close_ended(*, now: datetime) -> int:
    """End the drip-feeds whose last run has ended, and return how many."""
    running = Order.objects.filter(parent=OuterRef("pk")).exclude(status__in=FINAL)
    ended = DripFeed.objects.filter(~Exists(running), state=FeedState.MADE)
    feeds = list(ended.select_related("order").order_by("pk")[:BATCH])
    return sum(_close(feed, now=now) for feed in feeds)


def follow_correction(run: Order, *, now: datetime) -> None:
    """Let a drip-feed that was completed follow a run that was corrected after its end."""
    feed = DripFeed.objects.select_related("order").filter(pk=run.parent_id).first()
    if feed is not None and feed.order.status == Status.COMPLETED:
        _end(feed, now=now, reason="run_corrected")


def _look(now: datetime) -> int:
    keeper = _watch(now)
    if keeper is None:
        return 0
    # Who waited for another look read the clock before it, and must not count from then.
    now = max(now, keeper.watched_at)
    made = run_due(now=now)
    if made:
        _note(keeper, now)
    return made


def _watch(now: datetime) -> Timekeeper | None:
    """Move the timetables by the time that nobody watched; None when another one looks."""
    Timekeeper.objects.get_or_create(pk=1, defaults={"watched_at": now})
    keeper = Timekeeper.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    if keeper is None:
        return None
    gap = now - keeper.watched_at
    if abs(gap) > WATCH_GAP_MAX:
        _shift(gap)
        _note(keeper, now)
    elif gap >= WATCH_NOTED_EVERY:
        _note(keeper, now)
    return keeper


def _note(keeper: Timekeeper, now: datetime) -> None:
    keeper.watched_at = now
    keeper.save(update_fields=["watched_at"])


def _shift(gap: timedelta) -> None:
    feeds = DripFeed.objects.filter(state__in=_TO_COME, next_run_at__isnull=False)
    if gap > timedelta():
        # A first run keeps no distance from anything.
        feeds = feeds.filter(next_run__gt=1)
    # In one order, as everybody who holds two timetables takes them.
    held = list(feeds.select_for_update().order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(held), BATCH):
        rows = DripFeed.objects.filter(pk__in=held[start : start + BATCH])
        rows.update(next_run_at=F("next_run_at") + gap)


def _start_intervals(now: datetime) -> None:
    waiting = Order.objects.filter(parent=OuterRef("pk"), status__in=_WITH_US)
    feeds = list(
        DripFeed.objects.filter(~Exists(waiting), state__in=_TO_COME, next_run_at=None)
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("pk")[:BATCH]
    )
    for feed in feeds:
        feed.next_run_at = now + timedelta(minutes=feed.interval_minutes)
    DripFeed.objects.bulk_update(feeds, ["next_run_at"])


def _make(feeds: Sequence[DripFeed], now: datetime) -> None:
    routes = usable_routes({feed.order.service_id for feed in feeds})
    insert.write([_draft(feed, routes) for feed in feeds], now=now)
    for feed in feeds:
        feed.next_run += 1
        feed.next_run_at = None
        if feed.next_run > feed.runs:
            feed.state = FeedState.MADE
    DripFeed.objects.bulk_update(feeds, ["next_run", "next_run_at", "state"])


def _earliest(feed: DripFeed) -> datetime:
    """Return the earliest moment at which the next run can be made."""
    if feed.next_run_at is not None:
        return feed.next_run_at
    last = Order.objects.get(parent=feed.order_id, run=feed.next_run - 1)
    return last.placed_at + timedelta(minutes=feed.interval_minutes)


def _draft(feed: DripFeed, routes: Mapping[int, tuple[UpstreamService, ...]]) -> insert.Draft:
    parent = feed.order
    return insert.Draft(
        user_id=parent.user_id,
        offer=Offer(
            service=parent.service,
            rate_e8=parent.rate_e8,
            routes=routes.get(parent.service_id, ()),
            manual=parent.service_id not in routes,
        ),
        content=Content(link=parent.link, quantity=parent.quantity, fields=parent.fields),
        charge_e8=_run_charge(parent),
        debit_e8=0,
        parent=parent,
        run=feed.next_run,
    )


def _run_charge(parent: Order) -> int:
    return money.price(rate_e8=parent.rate_e8, quantity=parent.quantity, rate_per=parent.rate_per)


def _switch(parent: Order, *, to: FeedState, reason: str, now: datetime) -> None:
    with transaction.atomic():
        feed = _locked(parent)
        if feed.state not in _TO_COME:
            raise DripFeedOver(f"order {parent.pk}")
        if feed.state == to:
            return
        feed.state = to
        feed.save(update_fields=["state"])
        states.record([parent], now=now, reason=reason)


def _locked(parent: Order) -> DripFeed:
    return DripFeed.objects.select_for_update().get(pk=parent.pk)


def _close(feed: DripFeed, *, now: datetime) -> bool:
    try:
        with transaction.atomic():
            book.lock([feed.order.user_id])
            # Under the lock, because staff may correct a run that had ended.
            feed.order.refresh_from_db(fields=["refunded_e8"])
            _end(feed, now=now, reason="runs_ended")
            DripFeed.objects.filter(pk=feed.pk).update(state=FeedState.ENDED)
    except states.LostRace:
        # Another worker closed it in the same moment.
        return False
    return True


def _end(feed: DripFeed, *, now: datetime, reason: str) -> None:
    undelivered = _undelivered(feed)
    refund.end(
        feed.order,
        to=_outcome(feed, undelivered),
        now=now,
        reason=reason,
        remains=undelivered,
        refund_e8=0,
    )


def _undelivered(feed: DripFeed) -> int:
    of_runs = Order.objects.filter(parent=feed.pk).aggregate(sum=Sum("remains"))["sum"] or 0
    return int(of_runs) + (feed.runs - feed.next_run + 1) * feed.order.quantity


def _outcome(feed: DripFeed, undelivered: int) -> Status:
    back, whole = feed.order.refunded_e8, feed.order.charge_e8
    if whole == 0:
        # Nothing can come back of what was free.
        back, whole = undelivered, feed.runs * feed.order.quantity
    if back == 0:
        return Status.COMPLETED
    return Status.CANCELED if back == whole else Status.PARTIAL
