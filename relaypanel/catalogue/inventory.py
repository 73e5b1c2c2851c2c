"""Services as staff look for them: all that there are, sold or not, with what fulfils each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from relaypanel.catalogue.folding import fold
from relaypanel.catalogue.models import Route, Service

PAGE: Final = 50
_WORDS_MAX: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is looked for; everything at its default finds all."""

    text: str = ""
    category_id: int | None = None
    provider_id: int | None = None
    visibility: str = ""
    # Without a route: staff deliver it.
    manual: bool = False
    # One of several with the same name in a category, or for the same service of a provider.
    doubled: bool = False


def page(wanted: Wanted, *, before_id: int | None = None) -> list[Service]:
    """Return the newest services below `before_id`, each with its category and `routes_count`.

    One more than PAGE if there are more.
    """
    rows = _found(wanted)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    # The IDs by themselves: routes are counted for a page, and not for ten thousand services.
    found = list(rows.order_by("-pk").values_list("pk", flat=True)[: PAGE + 1])
    shown = Service.objects.filter(pk__in=found).select_related("category__platform")
    return list(shown.annotate(routes_count=Count("routes")).order_by("-pk"))


def ids(wanted: Wanted, *, limit: int) -> list[int]:
    """Return the IDs of all that is wanted."""
    return list(_found(wanted).order_by("pk").values_list("pk", flat=True)[:limit])


def _found(wanted: Wanted) -> QuerySet[Service]:
    rows = Service.objects.filter(_matches(wanted.text))
    if wanted.category_id is not None:
        rows = rows.filter(category_id=wanted.category_id)
    if wanted.visibility:
        rows = rows.filter(visibility=wanted.visibility)
    if wanted.provider_id is not None:
        routes = Route.objects.filter(service=OuterRef("pk"))
        rows = rows.filter(Exists(routes.filter(upstream__provider_id=wanted.provider_id)))
    if wanted.manual:
        rows = rows.filter(~Exists(Route.objects.filter(service=OuterRef("pk"))))
    if wanted.doubled:
        rows = rows.filter(pk__in=_doubled())
    return rows


def _matches(text: str) -> Q:
    matches = Q()
    for word in fold(text[:100].replace("\0", "")).split()[:_WORDS_MAX]:
        matches &= Q(name_folded__contains=word)
    digits = text.strip().removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        matches |= Q(pk=int(digits))
    return matches


def _doubled() -> Sequence[int]:
    names = Service.objects.values("category_id", "name_folded").annotate(n=Count("pk"))
    twice = Q(pk__in=())
    for row in names.filter(n__gt=1).values_list("category_id", "name_folded")[:200]:
        twice |= Q(category_id=row[0], name_folded=row[1])
    shared = Route.objects.values("upstream_id").annotate(n=Count("service")).filter(n__gt=1)
    routed = Route.objects.filter(upstream_id__in=shared.values("upstream_id"))
    named = Service.objects.filter(twice).values_list("pk", flat=True)
    return [*named, *routed.values_list("service_id", flat=True)]
