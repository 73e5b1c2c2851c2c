"""Several calls at once, of which none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable


async def wait(calls: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them, also when one fails, and then raise the first failure."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if outcome is not None:
            raise outcome
