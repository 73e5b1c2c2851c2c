"""Platforms and their categories: what the shop is arranged by, and the order of it all.

What stands within the shop, a platform or a category is a row: of platforms, of categories, of
services.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, models, transaction
from django.db.models import Count, Max, QuerySet

from relaypanel import errors
from relaypanel.catalogue.models import Category, Platform, Service

# Of a category with more services the first can be put in order.
ARRANGED_MAX: Final = 500


class ShelfTaken(errors.Refused):
    """Another one of the same place has this name."""

    code = "shelf_taken"


class BadShelfName(errors.Refused):
    code = "bad_shelf_name"


class NoSuchShelf(errors.Refused):
    code = "no_such_shelf"


class ShelfInUse(errors.Refused):
    """It still holds something."""

    code = "shelf_in_use"


class RowChanged(errors.Refused):
    """Something came into the row or went out of it since it was looked at."""

    code = "row_changed"


def platforms() -> QuerySet[Platform]:
    """Return all platforms in their order, each with its `categories_count`."""
    counted = Platform.objects.annotate(categories_count=Count("categories"))
    return counted.order_by("position", "pk")


def categories() -> QuerySet[Category]:
    """Return all categories in the shop's order, each with its `services_count`."""
    counted = Category.objects.select_related("platform").annotate(services_count=Count("services"))
    return counted.order_by("platform__position", "platform_id", "position", "pk")


def add_platform(name: str) -> Platform:
    """Return a new platform, the last of all.  Raises BadShelfName and ShelfTaken."""
    last = Platform.objects.aggregate(last=Max("position"))["last"] or 0
    platform = Platform(name=_name(name, 120), position=last + 1)
    _save(platform)
    return platform


def add_category(*, platform_id: int, name: str) -> Category:
    """Return a new category, the last of its platform.

    Raises NoSuchShelf, BadShelfName and ShelfTaken.
    """
    platform = _there(Platform.objects.filter(pk=platform_id).first())
    last = platform.categories.aggregate(last=Max("position"))["last"] or 0
    category = Category(platform=platform, name=_name(name, 200), position=last + 1)
    _save(category)
    return category


def rename(shelf: Platform | Category, name: str) -> None:
    """Raises BadShelfName and ShelfTaken."""
    shelf.name = _name(name, 120 if isinstance(shelf, Platform) else 200)
    _save(shelf)


def remove(shelf: Platform | Category) -> None:
    """Take an empty one away.  Raises ShelfInUse."""
    try:
        with transaction.atomic():
            shelf.delete()
    except models.ProtectedError:
        raise ShelfInUse from None


def services(category: Category) -> list[Service]:
    """Return the first services of a category in the shop's order, for sale or not."""
    return list(_row(category).defer("description").order_by("position", "pk")[:ARRANGED_MAX])


def arrange(inside: Platform | Category | None, ids: Sequence[int]) -> None:
    """Put the first of a row into this order: of platforms if it is inside of nothing.

    Raises RowChanged when those are not the first ones any more.
    """
    with transaction.atomic():
        row = _locked(inside)
        first = {one.pk: one for one in row[: len(ids)]}
        if sorted(ids) != sorted(first):
            raise RowChanged
        _number([*(first[pk] for pk in ids), *row[len(ids) :]])


def move(shelf: Platform | Category, *, up: bool) -> None:
    """Let it change places with its neighbour; at the end of the row it stays."""
    with transaction.atomic():
        row = _locked(None if isinstance(shelf, Platform) else shelf.platform)
        here = row.index(shelf)
        there = here + (-1 if up else 1)
        if 0 <= there < len(row):
            row[here], row[there] = row[there], row[here]
            _number(row)


def _row(inside: Platform | Category | None) -> QuerySet[Any]:
    if inside is None:
        return Platform.objects.all()
    return inside.services.all() if isinstance(inside, Category) else inside.categories.all()


def _locked(inside: Platform | Category | None) -> list[Any]:
    # By ID, as all who lock several services do, so that two never wait for each other.
    return sorted(_row(inside).order_by("pk").select_for_update(no_key=True), key=_place)


def _place(one: Any) -> tuple[int, int]:
    return one.position, one.pk


def _number(row: Sequence[Any]) -> None:
    """Write the places anew, because those of an import may all be the same."""
    moved = [(place, one) for place, one in enumerate(row, start=1) if one.position != place]
    for place, one in moved:
        one.position = place
    if moved:
        type(row[0]).objects.bulk_update([one for _, one in moved], ["position"], batch_size=200)


def _name(name: str, most: int) -> str:
    name = name.strip()
    if not (0 < len(name) <= most and name.isprintable()):
        raise BadShelfName
    return name


def _save(shelf: models.Model) -> None:
    try:
        with transaction.atomic():
            shelf.save()
    except IntegrityError:
        raise ShelfTaken from None


def _there(platform: Platform | None) -> Platform:
    if platform is None:
        raise NoSuchShelf
    return platform
