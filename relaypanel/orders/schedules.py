"""Drip-feeds: each run is a child order, made when its time comes and paid by its parent.

A run is unique per (parent, number), so a crash or a second worker repeats nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Sum

from relaypanel import money
from relaypanel.catalogue.offers import Offer, usable_routes
from relaypanel.ledger import book
from relaypanel.orders import insert, refund, states
from relaypanel.orders.models import FINAL, DripFeed, Order, Status
from relaypanel.orders.types import Content

BATCH: Final = 100


def run_due(*, now: datetime) -> int:
    """Make the runs whose time has come, and return how many were made."""
    due = DripFeed.objects.filter(next_run_at__lte=now).order_by("next_run_at", "pk")
    return sum(_run(pk, now=now) for pk in due.values_list("pk", flat=True)[:BATCH])


def stop(parent: Order, *, now: datetime) -> None:
    """Make no further run of this drip-feed and return what they would have cost.

    Runs that were made go on; the drip-feed ends with the last of them.
    """
    with transaction.atomic():
        book.lock([parent.user_id])
        feed = DripFeed.objects.select_for_update().get(pk=parent.pk)
        if feed.next_run_at is None:
            return
        refund_e8 = (feed.runs - feed.next_run + 1) * _run_charge(parent)
        Order.objects.filter(pk=parent.pk).update(refunded_e8=F("refunded_e8") + refund_e8)
        refund.pay_back(parent, refund_e8, now=now)
        feed.next_run_at = None
        feed.save(update_fields=["next_run_at"])
        states.record([parent], now=now, reason="drip_feed_stopped")


def close_ended(*, now: datetime) -> int:
    """End the drip-feeds whose last run has ended, and return how many."""
    running = Order.objects.filter(parent=OuterRef("pk")).exclude(status__in=FINAL)
    ended = Order.objects.filter(
        ~Exists(running), status=Status.IN_PROGRESS, provider=None, drip_feed__next_run_at=None
    ).exclude(drip_feed=None)
    parents = list(ended.select_related("drip_feed")[:BATCH])
    for parent in parents:
        _close(parent, now=now)
    return len(parents)


def _close(parent: Order, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            book.lock([parent.user_id])
            # Under the lock, because staff may correct a run that had ended.
            parent.refresh_from_db(fields=["refunded_e8"])
            refund.end(
                parent,
                to=_outcome(parent),
                now=now,
                reason="runs_ended",
                remains=_undelivered(parent),
                refund_e8=0,
            )
    except states.LostRace:
        # Another worker closed it in the same moment.
        return


def _undelivered(parent: Order) -> int:
    feed = parent.drip_feed
    of_runs = Order.objects.filter(parent=parent).aggregate(sum=Sum("remains"))["sum"] or 0
    return int(of_runs) + (feed.runs - feed.next_run + 1) * parent.quantity


def _run(feed_id: int, *, now: datetime) -> int:
    with transaction.atomic():
        feed = (
            DripFeed.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("order__service")
            .filter(pk=feed_id, next_run_at__lte=now)
            .first()
        )
        if feed is None:
            return 0
        insert.write([_draft(feed)], now=now)
        is_last = feed.next_run == feed.runs
        feed.next_run += 1
        # Counted from now: after a standstill the runs keep their distance instead of bursting.
        feed.next_run_at = None if is_last else now + timedelta(minutes=feed.interval_minutes)
        feed.save(update_fields=["next_run", "next_run_at"])
        return 1


def _draft(feed: DripFeed) -> insert.Draft:
    parent = feed.order
    routes = usable_routes([parent.service_id])
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


def _outcome(parent: Order) -> Status:
    if parent.refunded_e8 == 0:
        return Status.COMPLETED
    return Status.CANCELED if parent.refunded_e8 == parent.charge_e8 else Status.PARTIAL
