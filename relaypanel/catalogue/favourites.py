"""Services that a user wants to find again at once."""

from __future__ import annotations

from relaypanel import errors
from relaypanel.catalogue.models import Favourite, Service, Visibility


class NotForSale(errors.Refused):
    """Of a service that is hidden no more is told than of one that never was."""

    code = "not_for_sale"

    def __init__(self) -> None:
        super().__init__("There is no such service.")


def add(*, user_id: int, service_id: int) -> None:
    """Keep a service among the user's favourites, where it may be already.  Raises NotForSale."""
    if not Service.objects.filter(pk=service_id, visibility=Visibility.ENABLED).exists():
        raise NotForSale
    # Two clicks at once are one favourite.
    Favourite.objects.bulk_create(
        [Favourite(user_id=user_id, service_id=service_id)], ignore_conflicts=True
    )


def remove(*, user_id: int, service_id: int) -> None:
    """Take a service from the user's favourites, where it may not be."""
    Favourite.objects.filter(user_id=user_id, service_id=service_id).delete()
