"""Puts a provider's services up for sale: at a marked-up rate, each with a route to theirs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max

from relaypanel import errors, money
from relaypanel.catalogue.models import Category, Platform, Route, Service
from relaypanel.contract import TYPES, OrderType
from relaypanel.providers.models import Provider, UpstreamService

MARKUP_PERCENT_MAX: Final = 10_000
# Providers change rates daily; a rate from an older list may be below what they charge by now.
PRICE_LIST_AGE_MAX: Final = timedelta(days=1)
# What panels promise when they say "refill" without a number.
REFILL_DAYS: Final = 30
# What the `bounds_are_in_order` constraint of a service allows.
QUANTITY_MAX: Final = 2**31 - 1

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class OtherCurrency(errors.Refused):
    code = "other_currency"

    def __init__(self, *, provider: Provider) -> None:
        self.currency = provider.currency
        super().__init__(
            f"{provider.name} charges in {provider.currency} and this panel sells in "
            f"{settings.CURRENCY}, so its rates would come out wrong."
        )


class MarkupOutOfRange(errors.Refused):
    code = "markup_out_of_range"

    def __init__(self) -> None:
        super().__init__(f"A mark-up is a percentage from 0 to {MARKUP_PERCENT_MAX}.")


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
) -> list[Service]:
    """Return the new services, in the order of the provider's price list.

    `upstream_ids` None takes the whole list.  What already has a route is left as it is: see
    `on_sale`.  Raises OtherCurrency, MarkupOutOfRange, PriceListTooOld, NotOnPriceList and
    RateTooHigh, and then adds nothing.
    """
    if provider.currency != settings.CURRENCY:
        raise OtherCurrency(provider=provider)
    if not (markup_percent.is_finite() and 0 <= markup_percent <= MARKUP_PERCENT_MAX):
        raise MarkupOutOfRange
    with transaction.atomic():
        # Two imports at once would both find a service without a route, and sell it twice.
        Provider.objects.select_for_update().get(pk=provider.pk)
        wanted = _wanted(provider, upstream_ids, now)
        return _put_up(wanted, percent=100 + markup_percent)


def on_sale(provider: Provider, *, upstream_ids: Sequence[str] | None) -> list[str]:
    """Return which upstream IDs (None: of all the provider has) already have a route."""
    routed = UpstreamService.objects.filter(provider=provider, routes__isnull=False)
    if upstream_ids is not None:
        routed = routed.filter(upstream_id__in=upstream_ids)
    return list(dict.fromkeys(routed.order_by("id").values_list("upstream_id", flat=True)))


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


def _put_up(wanted: Sequence[UpstreamService], *, percent: Decimal) -> list[Service]:
    categories = {shelf: _category(*shelf) for shelf in dict.fromkeys(map(_shelf, wanted))}
    position = _last_position(Service.objects.all())
    services = Service.objects.bulk_create(
        _service(
            upstream, category=categories[_shelf(upstream)], percent=percent, position=position
        )
        for upstream in wanted
    )
    Route.objects.bulk_create(
        Route(service=service, upstream=upstream)
        for service, upstream in zip(services, wanted, strict=True)
    )
    return services


def _service(
    upstream: UpstreamService, *, category: Category, percent: Decimal, position: int
) -> Service:
    spec = TYPES[OrderType(upstream.type)]
    rate_e8 = money.rate(rate_e8=upstream.rate_e8, percent=percent)
    if rate_e8 > money.MAX_E8:
        raise RateTooHigh(upstream_id=upstream.upstream_id)
    least = min(max(upstream.min, 1), QUANTITY_MAX)
    return Service(
        category=category,
        name=_clean(upstream.name, 500) or f"Service {upstream.upstream_id}",
        description=upstream.description,
        type=upstream.type,
        rate_e8=rate_e8,
        rate_per=spec.rate_per,
        min=least,
        max=min(max(upstream.max, least), QUANTITY_MAX),
        refill_days=REFILL_DAYS if upstream.refill else None,
        cancel=upstream.cancel,
        dripfeed=upstream.dripfeed and spec.drip_feed,
        position=position,
    )


def _category(platform_name: str, name: str) -> Category:
    platform, _ = Platform.objects.get_or_create(
        name=platform_name, defaults={"position": _last_position(Platform.objects.all())}
    )
    category, _ = Category.objects.get_or_create(
        platform=platform, name=name, defaults={"position": _last_position(Category.objects.all())}
    )
    return category


def _shelf(upstream: UpstreamService) -> tuple[str, str]:
    """Return the names of the platform and the category that a service is put under."""
    return _clean(upstream.platform, 120) or "Other", _clean(upstream.category, 200) or "Other"


def _clean(text: str, length_max: int) -> str:
    """Return one line that fits its column, without what would steer a terminal that shows it."""
    return " ".join(_CONTROLS.sub(" ", text).split())[:length_max].rstrip()


def _last_position(rows: models.QuerySet[Any]) -> int:
    """Return the highest position in use.  The ID orders equal ones, so new rows come last."""
    last: int | None = rows.aggregate(last=Max("position"))["last"]
    return last or 0
