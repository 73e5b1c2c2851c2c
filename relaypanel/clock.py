"""The only reader of the clock.  Doors and the worker read it once and pass `now` down."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """Return this moment, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds that only go forward, for deadlines and durations within this process."""
    return time.monotonic()


def of_database() -> datetime:
    """Return this moment by the clock that all workers share: the database server's.

    SQLite has no clock but ours.
    """
    if connection.vendor == "sqlite":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
