"""What placing an order needs to know of the catalogue, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Final

import msgspec

from relaypanel import prepared
from relaypanel.catalogue import editions, margin, rates
from relaypanel.catalogue.editions import Agreed, Edition, Known, Rated, Sold, Terms
from relaypanel.catalogue.models import Route, Service, Visibility
from relaypanel.contract import TYPES, OrderType
from relaypanel.providers.models import UpstreamService

_ID_MAX: Final = 2**63 - 1
# A service's neighbours are read along: one look at the tables serves them all.
_PAGE: Final = 256
_TERMS: Final = len(fields(Terms))
_READ: Final = prepared.Statement(
    f"""
    SELECT it.id, it.type, it.rate_e8, it.rate_per, it.min, it.max, it.dripfeed, it.auto_refill,
           it.one_order_per_link, route.upstream_id, upstream.provider_id,
           upstream.rate_e8, upstream.type, provider.rate_to_panel_e8,
           route.enabled AND route.closed_for = '' AND provider.enabled
      FROM catalogue_service AS it
           LEFT JOIN catalogue_route AS route ON route.service_id = it.id
           LEFT JOIN providers_upstreamservice AS upstream ON upstream.id = route.upstream_id
           LEFT JOIN providers_provider AS provider ON provider.id = upstream.provider_id
     WHERE it.id BETWEEN $1 AND $2 AND it.visibility = '{Visibility.ENABLED}'
     ORDER BY it.id, route.position, route.id
    """  # nosec B608
)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A service as one user can buy it now.

    `routes` are the usable ones, the first to be tried first.  A service that never had a route
    is `manual`: staff fulfil it.  One that has routes, none of them usable, is not.
    """

    service: Service | Terms
    rate_e8: int
    routes: tuple[UpstreamService | Known, ...]
    manual: bool


def offers(
    wanted: Collection[tuple[int, int]], *, number: str | None = None
) -> dict[tuple[int, int], Offer]:
    """Return what a user pays for a service, for each (user ID, service ID) that is wanted.

    A service that is unknown, hidden or disabled has no entry.  One query for what was asked of
    this catalogue before, none if its `number` is known; else one for each page of services, and
    two for each of users.
    """
    if not wanted:
        return {}
    edition = editions.current(number)
    services = _sold(edition, {service_id for _, service_id in wanted})
    prices = edition.prices({user_id for user_id, _ in wanted})
    return {
        (user_id, service_id): Offer(
            service=sold.service,
            rate_e8=_rate(sold.service, prices[user_id]),
            routes=sold.routes,
            manual=sold.manual,
        )
        for user_id, service_id in wanted
        if (sold := services.get(service_id)) is not None
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


def cost(route: UpstreamService | Known, *, quantity: int) -> int:
    """Return in e8 of the panel's currency what a route's provider takes for so many pieces."""
    return margin.cost(
        rate_e8=route.rate_e8,
        rate_to_panel_e8=route.provider.rate_to_panel_e8,
        quantity=quantity,
        rate_per=TYPES[OrderType(route.type)].rate_per,
    )


def _sold(edition: Edition, service_ids: set[int]) -> dict[int, Sold]:
    # SQLite cannot even be asked for a longer number, and one caller's must not fail the batch.
    possible = {service_id for service_id in service_ids if 0 <= service_id <= _ID_MAX}
    for service_id in possible:
        if service_id not in edition.sold:
            edition.sold.update(_read(service_id - service_id % _PAGE))
    return {
        service_id: sold
        for service_id in possible
        if (sold := edition.sold.get(service_id)) is not None
    }


def _read(first: int) -> dict[int, Sold]:
    found: dict[int, Sold] = {}
    last = min(first + _PAGE - 1, _ID_MAX)
    for row in _READ.rows(first, last):
        terms = Terms(*row[:_TERMS])
        upstream_id, provider_id, rate_e8, type_, rate_to_panel_e8, is_usable = row[_TERMS:]
        sold = found.get(terms.pk)
        routes = sold.routes if sold else ()
        if is_usable:
            provider = Rated(rate_to_panel_e8)
            routes = (*routes, Known(upstream_id, provider_id, rate_e8, type_, provider))
        found[terms.pk] = Sold(terms, routes, manual=upstream_id is None)
    return found


def _rate(service: Terms, agreed: Agreed) -> int:
    return rates.effective(
        rate_e8=service.rate_e8,
        user_rate_e8=agreed.rate_e8_by_service.get(service.pk),
        discount_percent_e2=agreed.discount_percent_e2,
    )
