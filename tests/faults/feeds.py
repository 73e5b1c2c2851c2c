"""Schedulers of drip-feeds whose time runs fast and whose clock jumps."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import IntegrityError, OperationalError, transaction

from relaypanel.catalogue.offers import usable_routes
from relaypanel.orders import insert, schedules
from relaypanel.orders.models import DripFeed, FeedState, Order
from tests import cast

DAY: Final = timedelta(days=1)
# So many seconds of the drip-feeds pass in one of ours.
SPEED: Final = 60


class FeedClock:
    """A clock that several processes read from a directory; whole days are what it is wrong by."""

    def __init__(self, directory: Path) -> None:
        self._wrong_by_days = directory / "wrong_by_days"
        self._began = directory / "began"
        if not self._began.exists():
            self._began.write_text(f"{time.monotonic()}")
            self.jump(0)
        self._began_seconds = float(self._began.read_text())

    def now(self) -> datetime:
        passed = timedelta(seconds=(time.monotonic() - self._began_seconds) * SPEED)
        return cast.NOW + passed + DAY * int(self._wrong_by_days.read_text())

    def jump(self, days: int) -> bool:
        """Be wrong by so many days from now on; False when it is already."""
        if self._wrong_by_days.exists() and int(self._wrong_by_days.read_text()) == days:
            return False
        new = self._wrong_by_days.with_suffix(".new")
        new.write_text(f"{days}")
        new.replace(self._wrong_by_days)
        return True


def true_time(moment: datetime) -> timedelta:
    """Return how long after the beginning it was, whatever the clock was wrong by."""
    return (moment - cast.NOW) % DAY


def work(clock: FeedClock) -> None:
    """Look again and again, until the process is killed."""
    while True:
        try:
            schedules.look(now=clock.now())
        except (IntegrityError, OperationalError):
            # SQLite was busy for too long; or it is the twin, which meets another one of its kind.
            continue
        # The others that wait for SQLite get it now and then.
        time.sleep(0.002)


def look_with_the_counter_last(*, now: datetime) -> int:
    """What `schedules.look` would be with a run and its counter in two transactions."""
    with transaction.atomic():
        if schedules._watch(now) is None:
            return 0
        schedules._start_intervals(now)
    due = DripFeed.objects.filter(state=FeedState.GOING, next_run_at__lte=now)
    feeds = list(due.select_related("order__service"))
    for feed in feeds:
        _make_then_count(feed, now)
    return len(feeds)


def _make_then_count(feed: DripFeed, now: datetime) -> None:
    routes = usable_routes([feed.order.service_id])
    counter = feed.next_run
    feed.next_run = Order.objects.filter(parent=feed.pk).count() + 1
    with transaction.atomic():
        insert.write([schedules._draft(feed, routes)], now=now)
    feed.next_run, feed.next_run_at = counter + 1, None
    if feed.next_run > feed.runs:
        feed.state = FeedState.MADE
    feed.save()
