"""Days as their reader means them: from midnight to midnight on their own wall."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from django.utils import timezone

# Beyond these, a time zone could lead out of the calendar.
_FIRST: Final = date(1970, 1, 1)
_LAST: Final = date(9000, 1, 1)


def begin(day: date) -> datetime:
    """Return when the day begins; a day from before all orders, or long after, when those do."""
    told = min(max(day, _FIRST), _LAST)
    return datetime.combine(told, time(), timezone.get_current_timezone())


def end(day: date) -> datetime:
    """Return when the day after it begins."""
    return begin(min(day, _LAST) + timedelta(days=1))
