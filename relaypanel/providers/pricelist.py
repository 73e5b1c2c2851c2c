"""Reads the price list of another panel, leaving out what could not be sold by its words."""

from __future__ import annotations

from typing import Final

from relaypanel import errors
from relaypanel.providers import dialect, faults, refusals
from relaypanel.providers.answers import Listing
from relaypanel.providers.dialect import Json

# Where panels that wrap their list put it.
_WRAPPERS: Final = ("services", "data", "result", "items")


def read(data: Json) -> tuple[list[Listing], int]:
    """Return the price list, and how many of its rows are left out as unreadable.

    Raises ProviderError when there is no list at all.
    """
    rows = _catalogue(data)
    found: dict[str, Listing] = {}
    for row in rows:
        listing = _listing(row)
        # An ID that comes twice is sold under its first row.
        if listing is not None:
            found.setdefault(listing.upstream_id, listing)
    return list(found.values()), len(rows) - len(found)


def _catalogue(data: Json) -> list[Json]:
    if isinstance(data, list):
        return data
    refusal = refusals.find(data)
    if refusal is not None:
        raise faults.Declined(refusal)
    if isinstance(data, dict):
        inner = next((data[name] for name in _WRAPPERS if name in data), data)
        if isinstance(inner, list):
            return inner
        if isinstance(inner, dict) and all(isinstance(row, dict) for row in inner.values()):
            return list(inner.values())
    raise errors.ProviderError("a reply without a list of services")


def _listing(row: Json) -> Listing | None:
    """Return one service, None when it could not be sold by what its row says."""
    if not isinstance(row, dict):
        return None
    upstream_id = dialect.service_id(row.get("service"))
    kind = dialect.order_type(row.get("type"))
    rate_e8 = dialect.amount_e8(row.get("rate"))
    least, most = dialect.whole(row.get("min")), dialect.whole(row.get("max"))
    if upstream_id is None or kind is None or rate_e8 is None or least is None or most is None:
        return None
    # A free service is a slip of its owner's, and would be sold here for nothing.
    if rate_e8 <= 0 or not 0 <= least <= most:
        return None
    return Listing(
        upstream_id=upstream_id,
        name=dialect.text(row.get("name")),
        description=dialect.text(row.get("desc")) or dialect.text(row.get("description")),
        category=dialect.text(row.get("category")),
        platform=dialect.text(row.get("platform")),
        type=kind,
        rate_e8=rate_e8,
        min=least,
        max=most,
        refill=dialect.flag(row.get("refill")),
        cancel=dialect.flag(row.get("cancel")),
        dripfeed=dialect.flag(row.get("dripfeed")),
    )
