"""What this process keeps of the catalogue, for as long as nothing in it changes.

Each change of what is sold, to whom and at which rate, whoever makes it, gives the catalogue a
new number, by triggers in the database and within the change's own transaction: see migration
0006.  Whoever wants to use what was kept asks for the number first, so that a change is seen by
the next call in every process.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from relaypanel import prepared
from relaypanel.accounts import keys

# Whom a process knows the rates of; more begin anew.
USERS_MAX: Final = 20_000

_SUM: Final = "SELECT CAST(SUM(number) AS text) FROM catalogue_editionmark"
# For `current`, when it travels with other statements.
NUMBER: Final = prepared.Statement(_SUM)
# For a caller of the API: the number comes with the look-up of the key.
NUMBER_OF_CALLER: Final = keys.Finder(f"({_SUM})")
# The rates of a user's neighbours are read along: one look at the tables serves them all.
_PAGE: Final = 64
_DISCOUNTS: Final = prepared.Statement(
    "SELECT user_id, percent_e2 FROM catalogue_discount WHERE user_id BETWEEN $1 AND $2"
)
_RATES: Final = prepared.Statement(
    """
    SELECT user_id, service_id, rate_e8 FROM catalogue_userrate
     WHERE user_id BETWEEN $1 AND $2 ORDER BY user_id, service_id
    """
)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a user pays: those of whom it is equal are one price group.

    `rates` holds (service ID, rate in e8) for each rate that was agreed for one service.
    """

    discount_percent_e2: int | None
    rates: tuple[tuple[int, int], ...]
    rate_e8_by_service: dict[int, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_e8_by_service", dict(self.rates))


@dataclass(frozen=True, slots=True)
class Rated:
    rate_to_panel_e8: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """A provider's service that an order can be sent to, without its texts."""

    pk: int
    provider_id: int
    rate_e8: int
    type: str
    provider: Rated


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order is judged by and priced by: a service without its texts."""

    pk: int
    type: str
    rate_e8: int
    rate_per: int
    min: int
    max: int
    dripfeed: bool
    auto_refill: bool
    one_order_per_link: bool


@dataclass(frozen=True, slots=True)
class Sold:
    """A service that is sold, and whom it can be sent to."""

    service: Terms
    routes: tuple[Known, ...]
    manual: bool


@dataclass(slots=True)
class Listed:
    """A price list as bytes; `compressed` by gzip, once somebody asked for that."""

    body: bytes
    tag: str
    compressed: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """A platform with its categories that have something for sale."""

    platform_id: int
    platform: str
    categories: Sequence[tuple[int, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """What is for sale as a whole: the IDs of the services and the shelves that they stand on, in
    the catalogue's order, and the order types that they have.
    """

    ids: Sequence[int]
    shelves: Sequence[Shelf]
    types: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.ids)


@dataclass(slots=True)
class Edition:
    number: str
    sold: dict[int, Sold] = field(default_factory=dict)
    agreed: dict[int, Agreed] = field(default_factory=dict)
    listed: dict[Agreed, Listed] = field(default_factory=dict)
    # Found by search.py, once somebody asked for it.
    stock: Stock | None = None
    # Held by the one who makes a price list: others wait for it instead of making it too.
    making: threading.Lock = field(default_factory=threading.Lock)

    def prices(self, user_ids: Collection[int]) -> dict[int, Agreed]:
        """Return what each of the users pays."""
        for user_id in user_ids:
            if user_id not in self.agreed:
                if len(self.agreed) > USERS_MAX:
                    self.agreed.clear()
                self.agreed.update(_agreed(user_id - user_id % _PAGE))
        return {user_id: self.agreed[user_id] for user_id in user_ids}


_latest = Edition(number="")


def current(number: str | None = None) -> Edition:
    """Return what is kept of the catalogue as it is now.

    `number` is what NUMBER or NUMBER_OF_CALLER found a moment ago; without it, it costs one query.
    """
    global _latest  # noqa: PLW0603 - one for the whole process, replaced as a whole
    number = number or NUMBER.rows()[0][0] or ""
    edition = _latest
    if edition.number != number:
        edition = _latest = Edition(number=number)
    return edition


def _agreed(first: int) -> dict[int, Agreed]:
    last = first + _PAGE - 1
    discounts = dict(_DISCOUNTS.rows(first, last))
    rates: dict[int, list[tuple[int, int]]] = {}
    for user_id, service_id, rate_e8 in _RATES.rows(first, last):
        rates.setdefault(user_id, []).append((service_id, rate_e8))
    return {
        user_id: Agreed(discounts.get(user_id), tuple(rates.get(user_id, ())))
        for user_id in range(first, last + 1)
    }
