"""What customers read on the updates page: services that came, went, and cost otherwise.

Rates are those without anybody's discount; what a provider takes is never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relaypanel.catalogue import rates
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Paid:
    """An update at one user's rates.

    `rate_before_e8` None: it did not change for them, or it is not about a rate.
    """

    update: ServiceUpdate
    rate_before_e8: int | None
    rate_e8: int


def page(
    *,
    before_id: int | None = None,
    limit: int = 50,
    service_id: int | None = None,
    kind: News | None = None,
) -> Page:
    """Return updates, the latest first, each with its service, category and platform.

    Of a service that staff hide nothing is told.
    """
    updates = ServiceUpdate.objects.exclude(service__visibility=Visibility.HIDDEN)
    if service_id is not None:
        updates = updates.filter(service_id=service_id)
    if kind is not None:
        updates = updates.filter(kind=kind)
    if before_id is not None:
        updates = updates.filter(pk__lt=before_id)
    related = updates.select_related("service__category__platform")
    rows = list(related.order_by("-pk")[: limit + 1])
    shown = rows[:limit]
    return Page(updates=shown, before_id=shown[-1].pk if len(rows) > limit else None)


def as_paid(updates: Sequence[ServiceUpdate], *, user_id: int | None) -> list[Paid]:
    """Return updates at the rates of this user (None: a visitor).  Two queries.

    A rate that was agreed with the user stays, whatever the shop's rate does.
    """
    terms = rates.terms_of(user_id, {update.service_id for update in updates})
    return [
        Paid(
            update=update,
            rate_e8=terms.rate(update.service_id, update.rate_e8),
            rate_before_e8=None
            if update.rate_before_e8 is None or terms.is_agreed(update.service_id)
            else terms.rate(update.service_id, update.rate_before_e8),
        )
        for update in updates
    ]


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
