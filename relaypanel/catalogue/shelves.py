"""Platforms and their categories: what the shop is arranged by."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Count, Max, QuerySet

from relaypanel import errors
from relaypanel.catalogue.models import Category, Platform


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


def move(shelf: Platform | Category, *, up: bool) -> None:
    """Let it change places with its neighbour; at the end of the row it stays."""
    with transaction.atomic():
        row = list(_row(shelf).select_for_update(no_key=True))
        here = row.index(shelf)
        there = here + (-1 if up else 1)
        if not 0 <= there < len(row):
            return
        row[here], row[there] = row[there], row[here]
        # Places are written anew, because those of an import may all be the same.
        for position, one in enumerate(row, start=1):
            if one.position != position:
                one.position = position
                one.save(update_fields=["position"])


def _row(shelf: Platform | Category) -> QuerySet[Any]:
    if isinstance(shelf, Platform):
        return Platform.objects.order_by("position", "pk")
    return Category.objects.filter(platform=shelf.platform_id).order_by("position", "pk")


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
