"""Price lists and shops for the tests of the mirror."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from relaypanel import money
from relaypanel.catalogue import intake, mirror
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType
from relaypanel.providers import refresh
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider
from tests import cast

LIKES: Final = Listing(
    upstream_id="1",
    name="Likes 👍",
    description="Fast",
    category="Facebook",
    platform="Meta",
    type=OrderType.DEFAULT,
    rate_e8=money.parse("1"),
    min=10,
    max=5_000,
    refill=False,
    cancel=False,
    dripfeed=False,
)


def listing(upstream_id: str = "1", *, rate: str = "1", **fields: Any) -> Listing:
    return replace(LIKES, upstream_id=upstream_id, rate_e8=money.parse(rate), **fields)


def after(hours: int) -> datetime:
    return cast.NOW + timedelta(hours=hours)


def sell(provider: Provider, *listings: Listing, markup: str = "20") -> list[Service]:
    """Put a whole list up for sale; without one, a list of one service."""
    rows = listings or (LIKES,)
    refresh.record(provider_id=provider.pk, listings=rows, now=cast.NOW)
    return intake.add_services(
        provider, markup_percent=Decimal(markup), upstream_ids=None, now=cast.NOW
    )


def sync(
    provider: Provider, *listings: Listing, hours: int = 1, accept_short: bool = False
) -> mirror.Synced:
    return mirror.sync(provider, listings=listings, now=after(hours), accept_short=accept_short)


def rate(service: Service) -> str:
    service.refresh_from_db()
    return money.text(service.rate_e8)
