"""Which services of providers can fulfil one of ours, and in which order they are tried."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from relaypanel import errors
from relaypanel.catalogue import pricing_rules, stock
from relaypanel.catalogue.models import Route, Service
from relaypanel.catalogue.plan import turn
from relaypanel.providers.models import UpstreamService


class NoSuchUpstream(errors.Refused):
    """The provider does not list this service."""

    code = "no_such_upstream"


class RouteTaken(errors.Refused):
    code = "route_taken"


class OtherType(errors.Refused):
    """What customers give for our service would not fit theirs."""

    code = "other_type"


class LastRoute(errors.Refused):
    """Without it the service would wait for staff, who did not ask for that."""

    code = "last_route"


def of(service: Service) -> QuerySet[Route]:
    """Return the routes in the order they are tried, each with its provider."""
    return service.routes.select_related("upstream__provider").order_by("position", "pk")


def add(*, service: Service, provider_id: int, upstream_id: str, now: datetime) -> Route:
    """Return a new route, the last to be tried.

    Raises NoSuchUpstream, OtherType and RouteTaken.
    """
    upstream = UpstreamService.objects.filter(
        provider_id=provider_id, upstream_id=upstream_id.strip()
    ).first()
    if upstream is None:
        raise NoSuchUpstream
    if upstream.type != service.type:
        raise OtherType
    try:
        with transaction.atomic():
            stock.lock()
            last = service.routes.aggregate(last=Max("position"))["last"]
            route = Route.objects.create(
                service=service, upstream=upstream, position=0 if last is None else last + 1
            )
            _follow(service, now=now)
    except IntegrityError:
        raise RouteTaken from None
    return route


def switch(route: Route, *, enabled: bool, now: datetime) -> None:
    """Let orders take a route, or not."""
    with transaction.atomic():
        stock.lock()
        route.enabled = enabled
        route.save(update_fields=["enabled"])
        _follow(route.service, now=now)


def limit(route: Route, *, cost_max_e8: int | None, now: datetime) -> None:
    """Let orders take a route while it costs no more than this for what its rate buys.

    The amount is in the panel's currency; None: whatever our own rate pays for.
    """
    with transaction.atomic():
        stock.lock()
        route.cost_max_e8 = cost_max_e8
        route.save(update_fields=["cost_max_e8"])
        _follow(route.service, now=now)


def first(route: Route, *, now: datetime) -> None:
    """Try this route before all others."""
    with transaction.atomic():
        stock.lock()
        others = [one for one in of(route.service) if one.pk != route.pk]
        for position, one in enumerate([route, *others]):
            Route.objects.filter(pk=one.pk).update(position=position)
        _follow(route.service, now=now)


def remove(route: Route, *, now: datetime) -> None:
    """Take a route away that is not the last one.  Raises LastRoute."""
    with transaction.atomic():
        stock.lock()
        if route.service.routes.count() == 1:
            raise LastRoute
        service = route.service
        route.delete()
        _follow(service, now=now)


def _follow(service: Service, *, now: datetime) -> None:
    """Let the rate follow the first open route, and close what would be sold below its cost."""
    rules = pricing_rules.load()
    stock.write([turn(each, rules=rules) for each in stock.of([service.pk])], now=now)
