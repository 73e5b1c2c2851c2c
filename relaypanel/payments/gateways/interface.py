"""What a gateway is to us: something that reads a message, proves whose it is, and says what for.

A new gateway is one module with a class like this, and one line in table.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from relaypanel import errors


class Forged(errors.Refused):
    """Nothing proves that the gateway has said it."""

    code = "forged"


class Malformed(errors.Refused):
    """The gateway has said it, but it cannot be read as a payment."""

    code = "malformed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Money that a gateway has seen.  `event_id` is the same each time it tells of it."""

    event_id: str
    reference: str
    amount_e8: int
    currency: str


class Gateway(Protocol):
    def read(self, *, secret: str, headers: Mapping[str, str], body: bytes) -> Payment | None:
        """Return what was paid, once the raw body is proven; None: it is about something else.

        `headers` are those of the call, in any case.  Raises Forged and Malformed.
        """
