"""Customers as those who run the panel look for them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from relaypanel.accounts.models import Role, User


def customers(
    *,
    username: str | None = None,
    email: str | None = None,
    before_id: int | None = None,
    offset: int = 0,
    limit: int,
) -> Sequence[User]:
    """Return customers, the latest first; names are found in any case of their letters."""
    rows = User.objects.filter(role=Role.CUSTOMER)
    if username is not None:
        rows = rows.filter(Exact(Lower("username"), username.lower()))
    if email is not None:
        rows = rows.filter(Exact(Lower("email"), email.lower()))
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows.order_by("-pk")[offset : offset + limit])


def customer(user_id: int) -> User | None:
    return User.objects.filter(role=Role.CUSTOMER, pk=user_id).first()
