"""The list behind the bell."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from relaypanel.notices.models import Notice


def unread(user_id: int) -> int:
    return _listed(user_id).filter(read_at=None).count()


def page(user_id: int, *, before: int | None = None, limit: int) -> list[Notice]:
    """Return up to `limit` notices, newest first, older than the one with the ID `before`."""
    rows = _listed(user_id)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:limit])


def read_all(user_id: int, *, now: datetime) -> int:
    """Mark everything as read, and return how many were not."""
    return _listed(user_id).filter(read_at=None).update(read_at=now)


def _listed(user_id: int) -> QuerySet[Notice]:
    return Notice.objects.filter(user=user_id, is_listed=True)
