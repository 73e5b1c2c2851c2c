"""Asks a provider how orders stand, and nothing more: what reconciling and staff look at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relaypanel import http
from relaypanel.providers import registry
from relaypanel.providers.answers import Balance, Rejected, UpstreamStatus
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a provider said, by upstream ID; `balance` None: it was not asked for it."""

    statuses: Mapping[str, UpstreamStatus | Rejected] = field(default_factory=dict)
    balance: Balance | None = None


async def ask(client: Client, ids: Sequence[str], *, wants_balance: bool = False) -> Told:
    """Return how orders stand, and then what we have left.  Raises ProviderError."""
    statuses = await client.statuses(ids)
    return Told(statuses=statuses, balance=await client.balance() if wants_balance else None)


def ask_now(provider: Provider, ids: Sequence[str], *, wants_balance: bool = False) -> Told:
    """Do the same over a connection of its own, for a person who waits.  Raises ProviderError."""
    return asyncio.run(_ask_now(provider, ids, wants_balance=wants_balance))


async def _ask_now(provider: Provider, ids: Sequence[str], *, wants_balance: bool) -> Told:
    async with http.Session() as session:
        client = Client(registry.endpoint(provider), session.post)
        return await ask(client, ids, wants_balance=wants_balance)
