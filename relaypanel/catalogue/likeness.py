"""What a service of ours takes over from the row of a provider's price list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from relaypanel.contract import TYPES
from relaypanel.providers.answers import Listing

Value: TypeAlias = "int | str | bool | None"

# What panels promise when they say "refill" without a number.
REFILL_DAYS: Final = 30
# What the `bounds_are_in_order` constraint of a service allows.
QUANTITY_MAX: Final = 2**31 - 1
# What a locked name locks.
WORDS: Final = ("name", "description")
BOUNDS: Final = ("min", "max")

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def of(listing: Listing) -> dict[str, Value]:
    """Return the columns of a service that sells `listing`, all but its rate and its shelf."""
    spec = TYPES[listing.type]
    least = min(max(listing.min, 1), QUANTITY_MAX)
    return {
        "name": line(listing.name, 500) or f"Service {listing.upstream_id}",
        "description": listing.description,
        "type": listing.type.value,
        "rate_per": spec.rate_per,
        "min": least,
        "max": min(max(listing.max, least), QUANTITY_MAX),
        "refill_days": REFILL_DAYS if listing.refill else None,
        "cancel": listing.cancel,
        "dripfeed": listing.dripfeed and spec.drip_feed,
    }


def shelf(listing: Listing) -> tuple[str, str]:
    """Return the names of the platform and the category that a service is put under."""
    return line(listing.platform, 120) or "Other", line(listing.category, 200) or "Other"


def line(text: str, length_max: int) -> str:
    """Return one line that fits its column, without what would steer a terminal that shows it."""
    return " ".join(_CONTROLS.sub(" ", text).split())[:length_max].rstrip()


def followed(
    ours: Mapping[str, Value], *, last: Listing, now: Listing, name_locked: bool
) -> dict[str, Value]:
    """Return the columns that change because the provider's row went from `last` to `now`.

    A column that no longer says what `last` says was set by staff, and stays.
    """
    if last == now:
        return {}
    old, new = of(last), of(now)
    changed = {
        column: value
        for column, value in new.items()
        if old[column] != value and ours[column] == old[column]
    }
    if name_locked:
        changed = {column: value for column, value in changed.items() if column not in WORDS}
    return changed | _ordered_bounds(dict(ours) | changed, new)


def _ordered_bounds(ours: Mapping[str, Value], theirs: Mapping[str, Value]) -> dict[str, Value]:
    """Return the provider's bounds where ours, one of them set by staff, ended up crossed."""
    least, most = ours["min"], ours["max"]
    assert isinstance(least, int)
    assert isinstance(most, int)
    return {} if least <= most else {column: theirs[column] for column in BOUNDS}
