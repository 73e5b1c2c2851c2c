"""What a provider sells and we do not yet: the list that an import picks from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Max, QuerySet

from relaypanel.catalogue.folding import fold
from relaypanel.providers.models import Provider, UpstreamService


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Words that the name or the ID holds, and a category in the provider's own words."""

    text: str = ""
    category: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`count` is of all pages.  `after` asks for the page after this one; None: it is the last."""

    rows: Sequence[UpstreamService]
    count: int
    after: int | None


def page(provider: Provider, wanted: Wanted, *, after: int = 0, limit: int = 50) -> Page:
    """Return what is wanted of the latest price list, in its order, without what is on sale."""
    ids = _ids(provider, wanted)
    further = [pk for pk in ids if pk > after]
    shown = further[:limit]
    rows = UpstreamService.objects.in_bulk(shown)
    return Page(
        rows=[rows[pk] for pk in shown if pk in rows],
        count=len(ids),
        after=shown[-1] if len(further) > limit else None,
    )


def upstream_ids(provider: Provider, wanted: Wanted) -> list[str]:
    """Return the provider's IDs of all that is wanted."""
    rows = UpstreamService.objects.in_bulk(_ids(provider, wanted))
    return [rows[pk].upstream_id for pk in sorted(rows)]


def categories(provider: Provider) -> list[str]:
    """Return the provider's categories with something that is not on sale."""
    names = _unsold(provider).order_by("category").values_list("category", flat=True)
    return list(names.distinct())


def _ids(provider: Provider, wanted: Wanted) -> list[int]:
    rows = _unsold(provider)
    if wanted.category:
        rows = rows.filter(category=wanted.category)
    words = fold(wanted.text).split()
    # Looked through here: a list has ten thousand rows at most, and this is done a few times a day.
    found = rows.order_by("id").values_list("id", "upstream_id", "name")
    return [
        pk
        for pk, upstream_id, name in found
        if not words or upstream_id == wanted.text.strip() or _holds(fold(name), words)
    ]


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _unsold(provider: Provider) -> QuerySet[UpstreamService]:
    seen = UpstreamService.objects.filter(provider=provider)
    latest_at = seen.aggregate(latest_at=Max("seen_at"))["latest_at"]
    return seen.filter(seen_at=latest_at, routes=None, rate_e8__gt=0)
