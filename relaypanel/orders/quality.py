"""How a service does, from its latest orders: how soon it starts and ends, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Min, Q

from relaypanel.orders.models import FINAL, Order, Status

# Older ones say how it was, not how it is.
LATEST: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Of the latest ended orders.  Seconds are None where no order says so; shares in percent."""

    orders: int
    start_seconds: int | None
    half_done_seconds: int | None
    nine_tenths_done_seconds: int | None
    canceled: int
    partial: int


def of(service_id: int) -> Quality:
    """Return how the service's latest orders went.  Two queries."""
    ended = Order.objects.filter(service_id=service_id, status__in=FINAL).order_by("-pk")
    ids = list(ended.values_list("pk", flat=True)[:LATEST])
    began = Min("events__at", filter=Q(events__to_status__in=(Status.IN_PROGRESS, *FINAL)))
    rows = list(
        Order.objects.filter(pk__in=ids)
        .annotate(began_at=began)
        .values_list("status", "placed_at", "ended_at", "began_at")
    )
    done = sorted(
        int((ended_at - placed_at).total_seconds())
        for status, placed_at, ended_at, _ in rows
        if status == Status.COMPLETED and ended_at
    )
    starts = sorted(
        int((began_at - placed_at).total_seconds())
        for _, placed_at, _, began_at in rows
        if began_at
    )
    statuses = [status for status, *_ in rows]
    return Quality(
        orders=len(rows),
        start_seconds=_quantile(starts, 50),
        half_done_seconds=_quantile(done, 50),
        nine_tenths_done_seconds=_quantile(done, 90),
        canceled=_share(statuses.count(Status.CANCELED), len(rows)),
        partial=_share(statuses.count(Status.PARTIAL), len(rows)),
    )


def _quantile(values: Sequence[int], percent: int) -> int | None:
    """Return the value that so many percent of all, which are in order, do not go beyond."""
    return values[max(0, -(-len(values) * percent // 100) - 1)] if values else None


def _share(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0
