"""The way to a service: platform, then category, then service, at what this user pays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from relaypanel.catalogue import rates
from relaypanel.catalogue.listing import ORDER
from relaypanel.catalogue.models import (
    Category,
    Discount,
    Platform,
    Service,
    UserRate,
    Visibility,
)

FOUND_MAX: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A service for sale, and the rate that one user pays for it."""

    service: Service
    rate_e8: int


def platforms() -> list[Platform]:
    """Return the platforms on which anything is for sale."""
    sold = Category.objects.filter(platform=OuterRef("pk")).filter(Exists(_sold_in_category()))
    return list(Platform.objects.filter(Exists(sold)).order_by("position", "id"))


def categories(platform_id: int) -> list[Category]:
    """Return the platform's categories in which anything is for sale."""
    rows = Category.objects.filter(Exists(_sold_in_category()), platform_id=platform_id)
    return list(rows.order_by("position", "id"))


def in_category(*, user_id: int, category_id: int) -> list[Item]:
    rows = _sold().filter(category_id=category_id).order_by("position", "id")
    return _items(user_id, rows.defer("description"))


def one(*, user_id: int, service_id: int) -> Item | None:
    """Return the service, or None when it is not for sale."""
    return next(iter(_items(user_id, _sold().filter(pk=service_id))), None)


def find(*, user_id: int, text: str) -> list[Item]:
    """Return the services whose name holds every word, the catalogue's first ones."""
    if "\0" in text:
        # PostgreSQL cannot even be asked for it.
        return []
    rows = _sold()
    for word in text.split():
        rows = rows.filter(name__icontains=word)
    return _items(user_id, rows.order_by(*ORDER).defer("description")[:FOUND_MAX])


def _sold() -> QuerySet[Service]:
    rows = Service.objects.filter(visibility=Visibility.ENABLED)
    return rows.select_related("category__platform")


def _sold_in_category() -> QuerySet[Service]:
    return Service.objects.filter(category=OuterRef("pk"), visibility=Visibility.ENABLED)


def _items(user_id: int, rows: Iterable[Service]) -> list[Item]:
    services: Sequence[Service] = list(rows)
    agreed = UserRate.objects.filter(user_id=user_id, service__in=services)
    user_rates = dict(agreed.values_list("service_id", "rate_e8"))
    discount = Discount.objects.filter(user_id=user_id).first()
    return [
        Item(
            service=service,
            rate_e8=rates.effective(
                rate_e8=service.rate_e8,
                user_rate_e8=user_rates.get(service.pk),
                discount_percent_e2=discount.percent_e2 if discount else None,
            ),
        )
        for service in services
    ]
