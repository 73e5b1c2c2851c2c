"""Subscriptions: the provider watches for posts and makes an order for each; we mirror
those as child orders and charge each one as it appears.

A post is unique per (provider, upstream ID), so that a repeated answer charges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from relaypanel import money
from relaypanel.catalogue.offers import Offer
from relaypanel.ledger import book
from relaypanel.orders import insert
from relaypanel.orders.models import Order
from relaypanel.orders.types import Content

log = structlog.get_logger(__name__)


def mirror(*, parent: Order, upstream_ids: Sequence[str], now: datetime) -> int:
    """Write and charge the posts not seen before, oldest first, and return how many.

    A post that the balance does not cover waits, and so do those after it: they are charged
    when there is money again.
    """
    with transaction.atomic():
        balance_e8 = book.lock([parent.user_id])[parent.user_id]
        fresh = _not_yet_mirrored(parent, upstream_ids)
        price_e8 = _price(parent)
        covered = len(fresh) if price_e8 == 0 else min(len(fresh), balance_e8 // price_e8)
        if covered < len(fresh):
            log.warning("posts_not_covered", order=parent.pk, waiting=len(fresh) - covered)
        first_run = Order.objects.filter(parent=parent).count() + 1
        drafts = [
            _draft(parent, upstream_id, run=run, price_e8=price_e8)
            for run, upstream_id in enumerate(fresh[:covered], first_run)
        ]
        insert.write(drafts, now=now)
    return covered


def _not_yet_mirrored(parent: Order, upstream_ids: Sequence[str]) -> list[str]:
    assert parent.provider_id is not None
    known = set(
        Order.objects.filter(
            provider_id=parent.provider_id, upstream_id__in=upstream_ids
        ).values_list("upstream_id", flat=True)
    )
    # Told once however often it is listed.
    return [upstream_id for upstream_id in dict.fromkeys(upstream_ids) if upstream_id not in known]


def _price(parent: Order) -> int:
    """Return what one post costs, in e8; a rate per 1,000 takes the largest, as no size is told."""
    quantity = 1 if parent.rate_per == 1 else int(parent.fields["max"])
    return money.price(rate_e8=parent.rate_e8, quantity=quantity, rate_per=parent.rate_per)


def _draft(parent: Order, upstream_id: str, *, run: int, price_e8: int) -> insert.Draft:
    route = parent.upstream_service
    assert route is not None
    return insert.Draft(
        user_id=parent.user_id,
        offer=Offer(service=parent.service, rate_e8=parent.rate_e8, routes=(route,), manual=False),
        content=Content(link=parent.link, quantity=int(parent.fields["max"])),
        charge_e8=price_e8,
        debit_e8=price_e8,
        parent=parent,
        run=run,
        upstream_id=upstream_id,
    )
