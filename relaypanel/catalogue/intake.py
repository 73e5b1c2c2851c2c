"""Puts a provider's services up for sale: at a marked-up rate, each with a route to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max

from relaypanel import errors, money
from relaypanel.catalogue import history, likeness, pricing_rules, stock
from relaypanel.catalogue.models import Category, Platform, Route, Service
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider, UpstreamService

# Providers change rates daily; a rate from an older list may be below what they charge by now.
PRICE_LIST_AGE_MAX: Final = timedelta(days=1)


class OtherCurrency(errors.Refused):
    code = "other_currency"

    def __init__(self, *, provider: Provider) -> None:
        self.currency = provider.currency
        super().__init__(
            f"{provider.name} charges in {provider.currency} and this panel sells in "
            f"{settings.CURRENCY}, so its rates would come out wrong.  Say what one "
            f"{provider.currency} costs: relaypanel catalogue terms {provider.name!r} "
            "--currency-rate AMOUNT"
        )


class PriceListTooOld(errors.Refused):
    code = "price_list_too_old"

    def __init__(self, *, provider: Provider) -> None:
        super().__init__(
            f"The price list of {provider.name} was not fetched within a day; refresh it first."
        )


class NotOnPriceList(errors.Refused):
    code = "not_on_price_list"

    def __init__(self, *, provider: Provider, upstream_ids: Sequence[str]) -> None:
        self.upstream_ids = tuple(upstream_ids)
        super().__init__(
            f"{provider.name} does not list {', '.join(upstream_ids)}; nothing was added."
        )


class RateTooHigh(errors.Refused):
    code = "rate_too_high"

    def __init__(self, *, upstream_id: str) -> None:
        self.upstream_id = upstream_id
        super().__init__(
            f"The rate of {upstream_id} is higher than any account can pay; leave it out."
        )


def add_services(
    provider: Provider,
    *,
    markup_percent: Decimal,
    upstream_ids: Sequence[str] | None,
    now: datetime,
    category: Category | None = None,
) -> list[Service]:
    """Return the new services, in the order of the provider's price list.

    They go into `category`, or into one named as the provider names it.

    They keep to this mark-up from now on: see `pricing_rules.adopt`.  `upstream_ids` None takes
    the whole list.  What already has a route is left as it is: see `on_sale`.  Raises
    OtherCurrency, MarkupOutOfRange, PriceListTooOld, NotOnPriceList and RateTooHigh, and then adds
    nothing.
    """
    require_known_currency(provider)
    rule = Rule(percent_e2=pricing_rules.percent_e2(markup_percent))
    with transaction.atomic():
        # Two imports at once would both find a service without a route, and sell it twice.
        stock.lock()
        wanted = _wanted(provider, upstream_ids, now)
        services = put_up(provider, wanted, rules=[rule] * len(wanted), now=now, category=category)
        sold = {service.pk: stock.row(row) for service, row in zip(services, wanted, strict=True)}
        pricing_rules.adopt(provider, sold, rule, whole=upstream_ids is None)
    return services


def on_sale(provider: Provider, *, upstream_ids: Sequence[str] | None) -> list[str]:
    """Return which upstream IDs (None: of all the provider has) already have a route."""
    routed = UpstreamService.objects.filter(provider=provider, routes__isnull=False)
    if upstream_ids is not None:
        routed = routed.filter(upstream_id__in=upstream_ids)
    return list(dict.fromkeys(routed.order_by("id").values_list("upstream_id", flat=True)))


def require_known_currency(provider: Provider) -> None:
    """Raise OtherCurrency when nobody said what the provider's currency costs."""
    if provider.currency != settings.CURRENCY and provider.rate_to_panel_e8 is None:
        raise OtherCurrency(provider=provider)


def put_up(
    provider: Provider,
    wanted: Sequence[UpstreamService],
    *,
    rules: Sequence[Rule],
    now: datetime,
    category: Category | None = None,
) -> list[Service]:
    """Return a new service with a route for each row, at its rule's price.  Raises RateTooHigh."""
    rows = [stock.row(upstream) for upstream in wanted]
    shelves = dict.fromkeys(map(likeness.shelf, rows))
    categories = {shelf: category or _category(*shelf) for shelf in shelves}
    position = _last_position(Service.objects.all())
    services = Service.objects.bulk_create(
        Service(
            category=categories[likeness.shelf(row)],
            rate_e8=_rate(row, provider, rule),
            position=position,
            **likeness.of(row),
        )
        for row, rule in zip(rows, rules, strict=True)
    )
    Route.objects.bulk_create(
        Route(service=service, upstream=upstream)
        for service, upstream in zip(services, wanted, strict=True)
    )
    history.announce(services, now=now)
    return services


def _wanted(
    provider: Provider, upstream_ids: Sequence[str] | None, now: datetime
) -> list[UpstreamService]:
    """Return what is asked for and not yet on sale, from the latest price list alone."""
    seen = UpstreamService.objects.filter(provider=provider)
    latest_at = seen.aggregate(latest_at=Max("seen_at"))["latest_at"]
    if latest_at is None or latest_at < now - PRICE_LIST_AGE_MAX:
        raise PriceListTooOld(provider=provider)
    # A row that the latest list did not hold is gone upstream.
    listed = seen.filter(seen_at=latest_at)
    if upstream_ids is not None:
        listed = listed.filter(upstream_id__in=upstream_ids)
        known = set(listed.values_list("upstream_id", flat=True))
        unknown = [wanted for wanted in upstream_ids if wanted not in known]
        if unknown:
            raise NotOnPriceList(provider=provider, upstream_ids=unknown)
    return list(listed.filter(routes=None).order_by("id"))


def _rate(row: Listing, provider: Provider, rule: Rule) -> int:
    rate_e8 = rule.price(rate_e8=row.rate_e8, rate_to_panel_e8=provider.rate_to_panel_e8)
    if rate_e8 > money.MAX_E8:
        raise RateTooHigh(upstream_id=row.upstream_id)
    return rate_e8


def _category(platform_name: str, name: str) -> Category:
    platform, _ = Platform.objects.get_or_create(
        name=platform_name, defaults={"position": _last_position(Platform.objects.all())}
    )
    category, _ = Category.objects.get_or_create(
        platform=platform, name=name, defaults={"position": _last_position(Category.objects.all())}
    )
    return category


def _last_position(rows: models.QuerySet[Any]) -> int:
    """Return the highest position in use.  The ID orders equal ones, so new rows come last."""
    last: int | None = rows.aggregate(last=Max("position"))["last"]
    return last or 0
