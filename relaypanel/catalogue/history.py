"""What customers read on the updates page: services that came, went, and cost otherwise.

Rates are those without anybody's discount; what a provider takes is never told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relaypanel.catalogue.models import News, Service, ServiceUpdate, Visibility

ROWS_IN_A_STATEMENT: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A service's rate and visibility, before and after."""

    service_id: int
    was_on: bool
    is_on: bool
    rate_before_e8: int
    rate_e8: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`before_id` asks for the page after this one; None: this is the last."""

    updates: list[ServiceUpdate]
    before_id: int | None


def page(*, before_id: int | None = None, limit: int = 50, service_id: int | None = None) -> Page:
    """Return updates, the latest first, each with its service and category.

    Of a service that staff hide nothing is told.
    """
    updates = ServiceUpdate.objects.exclude(service__visibility=Visibility.HIDDEN)
    if service_id is not None:
        updates = updates.filter(service_id=service_id)
    if before_id is not None:
        updates = updates.filter(pk__lt=before_id)
    rows = list(updates.select_related("service__category").order_by("-pk")[: limit + 1])
    shown = rows[:limit]
    return Page(updates=shown, before_id=shown[-1].pk if len(rows) > limit else None)


def announce(services: Iterable[Service], *, now: datetime) -> None:
    """Record services that are newly for sale."""
    _write(
        ServiceUpdate(service=service, at=now, kind=News.NEW, rate_e8=service.rate_e8)
        for service in services
    )


def record(changes: Iterable[Change], *, now: datetime) -> None:
    """Record what customers see of changed services."""
    _write(update for change in changes if (update := _update(change, now)) is not None)


def _update(change: Change, now: datetime) -> ServiceUpdate | None:
    kind = _kind(change)
    if kind is None:
        return None
    return ServiceUpdate(
        service_id=change.service_id,
        at=now,
        kind=kind,
        rate_before_e8=change.rate_before_e8 if kind in (News.UP, News.DOWN) else None,
        rate_e8=change.rate_e8,
    )


def _kind(change: Change) -> News | None:
    if change.was_on != change.is_on:
        return News.ON if change.is_on else News.OFF
    if not change.is_on or change.rate_before_e8 == change.rate_e8:
        return None
    return News.UP if change.rate_e8 > change.rate_before_e8 else News.DOWN


def _write(updates: Iterable[ServiceUpdate]) -> None:
    ServiceUpdate.objects.bulk_create(updates, batch_size=ROWS_IN_A_STATEMENT)
