"""Keeps what a provider sells, as it told last, and what we have left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from relaypanel import errors, http
from relaypanel.providers import logbook, registry
from relaypanel.providers.answers import Balance, Listing
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider, UpstreamService
from relaypanel.providers.registry import Endpoint

ROWS_IN_A_STATEMENT: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """How many services of a price list we did not know before, and how many we did."""

    new: int
    known: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a provider sells and what we have left there, not yet recorded."""

    listings: list[Listing]
    balance: Balance


async def fetch(provider: Provider) -> Told:
    """Return what a provider tells, over connections of its own.  Raises ProviderError."""
    return await fetch_from(registry.endpoint(provider))


async def fetch_from(endpoint: Endpoint) -> Told:
    """Return what whoever answers there tells.  Raises ProviderError."""
    async with http.Session() as session:
        return await ask(Client(endpoint, session.post))


async def ask(client: Client) -> Told:
    """Return what a provider tells.  Raises ProviderError."""
    balance = await client.balance()
    if balance.currency != client.endpoint.currency:
        # Its rates would be taken for another money.
        raise errors.ProviderError(
            f"It answers in {balance.currency} and was added with {client.endpoint.currency}."
        )
    return Told(listings=await client.services(), balance=balance)


def record(*, provider_id: int, listings: Sequence[Listing], now: datetime) -> Recorded:
    """Write a price list over the last one; `seen_at` tells which rows are still on it.

    Raises ProviderError for an empty list: that is a provider's bad day, not the end of its trade.
    """
    if not listings:
        raise errors.ProviderError("The price list is empty, so the last one stays.")
    rows = UpstreamService.objects.filter(provider_id=provider_id)
    with transaction.atomic():
        before = rows.count()
        UpstreamService.objects.bulk_create(
            [
                UpstreamService(provider_id=provider_id, seen_at=now, **asdict(listing))
                for listing in listings
            ],
            batch_size=ROWS_IN_A_STATEMENT,
            update_conflicts=True,
            unique_fields=["provider", "upstream_id"],
            update_fields=_TOLD,
        )
        new = rows.count() - before
    return Recorded(new=new, known=len(listings) - new)


def record_balance(*, provider_id: int, balance: Balance, now: datetime) -> None:
    """Write what we have left at a provider, in its currency."""
    with transaction.atomic():
        Provider.objects.filter(pk=provider_id).update(balance_e8=balance.amount_e8, balance_at=now)
        logbook.note_balance(provider_id=provider_id, amount_e8=balance.amount_e8, now=now)


_TOLD = [name for name in Listing.__dataclass_fields__ if name != "upstream_id"] + ["seen_at"]
