"""Finds services among ten thousand: by words without accents, by ID, by what they can do.

A page is a fixed number of queries, and asks for the next one by the last row it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from relaypanel.catalogue import editions, rates
from relaypanel.catalogue.editions import Shelf, Stock
from relaypanel.catalogue.folding import fold
from relaypanel.catalogue.listing import ORDER
from relaypanel.catalogue.models import Category, Favourite, Service, Visibility
from relaypanel.contract import OrderType

# More words find nothing more, and each one costs a look at every row.
_WORDS_MAX: Final = 8
_CHARACTERS_MAX: Final = 100
_ID_MAX: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is looked for; everything at its default finds all that is for sale."""

    # Words, each of which the service, its category or its platform has in its name; or an ID.
    text: str = ""
    platform_id: int | None = None
    category_id: int | None = None
    type: OrderType | None = None
    refill: bool = False
    cancel: bool = False
    dripfeed: bool = False
    favourites: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A service for sale, at the rate of who asks."""

    id: int
    name: str
    description: str
    type: str
    category_id: int
    category: str
    platform: str
    rate_e8: int
    rate_per: int
    min: int
    max: int
    # None: no refill.
    refill_days: int | None
    cancel: bool
    dripfeed: bool
    is_favourite: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`after` asks for the page after this one; None: this is the last."""

    services: list[Found]
    after: int | None


def page(*, wanted: Wanted, user_id: int | None, after: int | None = None, limit: int = 50) -> Page:
    """Return what is for sale and wanted, in the catalogue's order; an ID that was typed first.

    `user_id` None: a visitor, who has no favourites.  `after` is that of the page before.
    """
    found = _found(wanted, user_id)
    exact = _exact(found, wanted)
    rest = found.exclude(pk=exact[0]["id"]) if exact else found
    ids = _ids(rest, wanted, after, limit + 1)
    by_id = {row["id"]: row for row in _for_sale().filter(pk__in=ids[:limit]).values(*_COLUMNS)}
    shown = [by_id[pk] for pk in ids[:limit] if pk in by_id]
    last = ids[limit - 1] if len(ids) > limit else None
    return Page(
        services=_services([*(exact if after is None else []), *shown], user_id), after=last
    )


def count(*, wanted: Wanted, user_id: int | None) -> int:
    """Return how many services are wanted and for sale."""
    return _found(wanted, user_id).count()


def one(*, service_id: int, user_id: int | None) -> Found | None:
    """Return a service that is for sale, or None."""
    rows = _for_sale().filter(pk=service_id).values(*_COLUMNS)
    return next(iter(_services(list(rows), user_id)), None)


def stock() -> Stock:
    """Return what is for sale as a whole: one query, until the catalogue changes."""
    edition = editions.current()
    if edition.stock is None:
        edition.stock = Stock(
            ids=tuple(_for_sale().order_by(*ORDER).values_list("pk", flat=True)),
            shelves=_shelves(),
            types=sorted(_for_sale().values_list("type", flat=True).distinct()),
        )
    return edition.stock


def _shelves() -> list[Shelf]:
    sold = Service.objects.filter(category=OuterRef("pk"), visibility=Visibility.ENABLED)
    rows = (
        Category.objects.filter(Exists(sold))
        .order_by("platform__position", "platform_id", "position", "id")
        .values_list("platform_id", "platform__name", "id", "name")
    )
    found: dict[int, tuple[str, list[tuple[int, str]]]] = {}
    for platform_id, platform, category_id, name in rows:
        found.setdefault(platform_id, (platform, []))[1].append((category_id, name))
    return [
        Shelf(platform_id=platform_id, platform=platform, categories=categories)
        for platform_id, (platform, categories) in found.items()
    ]


_COLUMNS: Final = (
    "id",
    "name",
    "description",
    "type",
    "category_id",
    "category__name",
    "category__platform__name",
    "rate_e8",
    "rate_per",
    "min",
    "max",
    "refill_days",
    "cancel",
    "dripfeed",
)
_OUTER: Final = {"category__name": "category", "category__platform__name": "platform"}


def _for_sale() -> QuerySet[Service]:
    return Service.objects.filter(visibility=Visibility.ENABLED)


def _found(wanted: Wanted, user_id: int | None) -> QuerySet[Service]:
    found = _for_sale().filter(_matches(wanted.text))
    if wanted.platform_id is not None:
        found = found.filter(category__platform_id=min(wanted.platform_id, _ID_MAX))
    if wanted.category_id is not None:
        found = found.filter(category_id=min(wanted.category_id, _ID_MAX))
    if wanted.type is not None:
        found = found.filter(type=wanted.type)
    if wanted.refill:
        found = found.filter(refill_days__isnull=False)
    if wanted.cancel:
        found = found.filter(cancel=True)
    if wanted.dripfeed:
        found = found.filter(dripfeed=True)
    if wanted.favourites:
        found = found.filter(favourites__user_id=user_id or 0)
    return found


def _matches(text: str) -> Q:
    words = fold(text[:_CHARACTERS_MAX].replace("\0", "")).split()[:_WORDS_MAX]
    matches = Q()
    for word in words:
        matches &= (
            Q(name_folded__contains=word)
            | Q(category__name_folded__contains=word)
            | Q(category__platform__name_folded__contains=word)
        )
    number = _number(text)
    return matches | Q(pk=number) if number is not None else matches


def _ids(found: QuerySet[Service], wanted: Wanted, after: int | None, size: int) -> Sequence[int]:
    """Return the IDs of what is found, in the catalogue's order and without the texts."""
    kept = stock().ids if wanted == Wanted() else ()
    if kept and (after is None or after in kept):
        start = 0 if after is None else kept.index(after) + 1
        return kept[start : start + size]
    behind = _after(found, after).order_by(*ORDER)
    return list(behind.values_list("pk", flat=True)[:size])


def _exact(found: QuerySet[Service], wanted: Wanted) -> list[dict[str, Any]]:
    number = _number(wanted.text)
    return [] if number is None else list(found.filter(pk=number).values(*_COLUMNS))


def _number(text: str) -> int | None:
    """Return the ID that somebody typed, also as "#12"; None: it is not one."""
    digits = text.strip().removeprefix("#")
    is_id = digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if is_id else None


def _after(rows: QuerySet[Service], after: int | None) -> QuerySet[Service]:
    """Return the rows behind one of them in the catalogue's order."""
    if after is None:
        return rows
    last = Service.objects.filter(pk=after).values_list(*ORDER).first()
    if last is None:
        return rows.none()
    behind, equal = Q(), Q()
    for column, value in zip(ORDER, last, strict=True):
        behind |= equal & Q(**{f"{column}__gt": value})
        equal &= Q(**{column: value})
    return rows.filter(behind)


def _services(rows: Sequence[dict[str, Any]], user_id: int | None) -> list[Found]:
    service_ids = [row["id"] for row in rows]
    terms = rates.terms_of(user_id, service_ids)
    liked = _liked(user_id, service_ids)
    return [
        Found(
            **{_OUTER.get(column, column): value for column, value in row.items()}
            | {
                "rate_e8": terms.rate(row["id"], row["rate_e8"]),
                "is_favourite": row["id"] in liked,
            }
        )
        for row in rows
    ]


def _liked(user_id: int | None, service_ids: Sequence[int]) -> set[int]:
    if user_id is None:
        return set()
    liked = Favourite.objects.filter(user_id=user_id, service_id__in=service_ids)
    return set(liked.values_list("service_id", flat=True))
