"""What placing an order needs to know of the catalogue, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from relaypanel.catalogue import margin, rates
from relaypanel.catalogue.models import Discount, Route, Service, UserRate, Visibility
from relaypanel.contract import TYPES, OrderType
from relaypanel.providers.models import UpstreamService

_ID_MAX: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A service as one user can buy it now.

    `routes` are the usable ones, the first to be tried first.  A service that never had a route
    is `manual`: staff fulfil it.  One that has routes, none of them usable, is not.
    """

    service: Service
    rate_e8: int
    routes: tuple[UpstreamService, ...]
    manual: bool


def offers(
    *, service_ids: Collection[int], user_ids: Collection[int]
) -> dict[tuple[int, int], Offer]:
    """Return what each user pays for each enabled service, keyed by (user ID, service ID).

    A service that is unknown, hidden or disabled has no entry.  Four queries for any batch.
    """
    # SQLite cannot even be asked for a longer number, and one caller's must not fail the batch.
    possible = {service_id for service_id in service_ids if service_id <= _ID_MAX}
    services = Service.objects.filter(visibility=Visibility.ENABLED).in_bulk(possible)
    routes = usable_routes(services)
    user_rates = _user_rates(services, user_ids)
    discounts = _discounts(user_ids)
    return {
        (user_id, service_id): Offer(
            service=service,
            rate_e8=rates.effective(
                rate_e8=service.rate_e8,
                user_rate_e8=user_rates.get((user_id, service_id)),
                discount_percent_e2=discounts.get(user_id),
            ),
            routes=routes.get(service_id, ()),
            manual=service_id not in routes,
        )
        for service_id, service in services.items()
        for user_id in user_ids
    }


def usable_routes(service_ids: Collection[int]) -> dict[int, tuple[UpstreamService, ...]]:
    """Return the usable routes in order; a service that never had a route has no entry."""
    found: dict[int, list[UpstreamService]] = {}
    for route in (
        Route.objects.filter(service_id__in=service_ids)
        .select_related("upstream__provider")
        .order_by("position", "id")
    ):
        usable = found.setdefault(route.service_id, [])
        if route.enabled and not route.closed_for and route.upstream.provider.enabled:
            usable.append(route.upstream)
    return {service_id: tuple(usable) for service_id, usable in found.items()}


def cost(route: UpstreamService, *, quantity: int) -> int:
    """Return in e8 of the panel's currency what a route's provider takes for so many pieces."""
    return margin.cost(
        rate_e8=route.rate_e8,
        rate_to_panel_e8=route.provider.rate_to_panel_e8,
        quantity=quantity,
        rate_per=TYPES[OrderType(route.type)].rate_per,
    )


def _user_rates(
    service_ids: Collection[int], user_ids: Collection[int]
) -> dict[tuple[int, int], int]:
    agreed = UserRate.objects.filter(service_id__in=service_ids, user_id__in=user_ids)
    return {
        (user_id, service_id): rate_e8
        for user_id, service_id, rate_e8 in agreed.values_list("user_id", "service_id", "rate_e8")
    }


def _discounts(user_ids: Collection[int]) -> dict[int, int]:
    given = Discount.objects.filter(user_id__in=user_ids)
    return dict(given.values_list("user_id", "percent_e2"))
