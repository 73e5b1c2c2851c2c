"""After the database was restored from a backup: what may have been sent since is not sent again.

The backup has forgotten what happened after it.  An order that waits in it may have gone out,
and a drip-feed's run that was due may have been made.  Staff look at each of them upstream.
Orders that a provider works on are followed as ever.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from django.db import transaction

from relaypanel.orders import schedules, states
from relaypanel.orders.models import Order, Status

REASON: Final = "restored"

# Rows in one transaction.
_BATCH: Final = 500

# Where each goes that may be upstream already.
_WAYS: Final = {
    Status.QUEUED: Status.HELD,
    Status.SENDING: Status.UNCONFIRMED,
}


def hold_all(*, now: datetime) -> Counter[Status]:
    """Take every order out of the queue that may have been sent, and count them by new status.

    No worker may run meanwhile.
    """
    # A run that can have been made since is held with the rest, because it may have gone out too.
    schedules.make_missed(now=now)
    # Those that were unconfirmed stay so; the mark tells that a look upstream comes first.
    unconfirmed = list(Order.objects.filter(status=Status.UNCONFIRMED))
    # Without this moment nothing is found out about them by itself: a bracket of IDs proves
    # nothing any more, because it may hold orders of ours that the backup has forgotten.
    Order.objects.filter(status=Status.UNCONFIRMED).update(sending_until=None)
    states.record(unconfirmed, now=now, reason=REASON)
    held = Counter({Status.UNCONFIRMED: len(unconfirmed)})
    for origin, to in _WAYS.items():
        while batch := _hold(origin, to, now):
            held[to] += batch
    return held


def _hold(origin: Status, to: Status, now: datetime) -> int:
    with transaction.atomic():
        # What staff deliver by hand is sent nowhere.
        rows = Order.objects.filter(status=origin, provider__isnull=False)
        orders = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk")[:_BATCH])
        states.move_all(
            orders,
            to=to,
            now=now,
            reason=REASON,
            sending_until=None,
            # A customer's wish to cancel does not end it unseen.
            may_be_upstream=True,
        )
    return len(orders)
