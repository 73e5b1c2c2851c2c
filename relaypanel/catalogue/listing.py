"""The price list as one user sees it: the `services` reply of API v2."""

from __future__ import annotations

import gzip
import hashlib
from typing import Final

import msgspec

from relaypanel import money
from relaypanel.catalogue import editions, rates
from relaypanel.catalogue.editions import Agreed, Edition, Listed
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.contract import ServiceRow

# Positions may repeat; the ID behind each one keeps the order the same from call to call.
ORDER = (
    "category__platform__position",
    "category__platform_id",
    "category__position",
    "category_id",
    "position",
    "id",
)
# What all price lists of an edition may take in memory; at least one is kept.
KEPT_BYTES_MAX: Final = 16 * 2**20
# Of 3 MB a tenth is left at level 4, after 30 ms; level 9 takes 130 ms for a fifth less.
_GZIP_LEVEL: Final = 4


def encoded(user_id: int, *, number: str | None = None) -> Listed:
    """Return the user's price list as JSON in UTF-8, nothing escaped that need not be.

    It is made once for each price group and edition of the catalogue, whose `number` may be known.
    """
    edition = editions.current(number)
    agreed = edition.prices({user_id})[user_id]
    return edition.listed.get(agreed) or _made(edition, agreed)


def compressed(listed: Listed) -> bytes:
    """Return the price list by gzip."""
    if listed.compressed is None:
        listed.compressed = gzip.compress(listed.body, _GZIP_LEVEL, mtime=0)
    return listed.compressed


def rows(user_id: int) -> list[ServiceRow]:
    """Return the enabled services in the catalogue's order, at this user's rates."""
    return _rows(editions.current().prices({user_id})[user_id])


def _made(edition: Edition, agreed: Agreed) -> Listed:
    with edition.making:
        listed = edition.listed.get(agreed)
        if listed is None:
            body = msgspec.json.encode(_rows(agreed))
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            listed = Listed(body=body, tag=tag)
            _keep(edition, agreed, listed)
    return listed


def _keep(edition: Edition, agreed: Agreed, listed: Listed) -> None:
    size = len(listed.body)
    for other in list(edition.listed):
        if size + sum(len(kept.body) for kept in edition.listed.values()) <= KEPT_BYTES_MAX:
            break
        del edition.listed[other]
    edition.listed[agreed] = listed


def _rows(agreed: Agreed) -> list[ServiceRow]:
    listed = Service.objects.filter(visibility=Visibility.ENABLED).order_by(*ORDER)
    # Plain columns: building ten thousand model instances would take three times as long.
    return [
        {
            "service": service_id,
            "name": name,
            "desc": description,
            "type": type_,
            "category": category,
            "platform": platform,
            "rate": money.text(
                rates.effective(
                    rate_e8=rate_e8,
                    user_rate_e8=agreed.rate_e8_by_service.get(service_id),
                    discount_percent_e2=agreed.discount_percent_e2,
                )
            ),
            "min": str(min_),
            "max": str(max_),
            "refill": refill_days is not None,
            "cancel": cancel,
            "dripfeed": dripfeed,
        }
        for (
            service_id,
            name,
            description,
            type_,
            category,
            platform,
            rate_e8,
            min_,
            max_,
            refill_days,
            cancel,
            dripfeed,
        ) in listed.values_list(
            "id",
            "name",
            "description",
            "type",
            "category__name",
            "category__platform__name",
            "rate_e8",
            "min",
            "max",
            "refill_days",
            "cancel",
            "dripfeed",
        )
    ]
