"""Rows of one person's in every table that belongs to somebody, with a mark in every text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import DatabaseError, models, transaction

from relaypanel import clock
from relaypanel.accounts import users
from relaypanel.accounts.models import Role, User
from relaypanel.catalogue.models import Service
from relaypanel.ledger import members
from relaypanel.orders.models import Status
from relaypanel.payments.models import PaymentMethod
from relaypanel.providers.models import Provider
from tests.api_v2 import client

NOT_ROWS_OF_A_PERSON = {"accounts.User", "ledger.Account", "ledger.Transfer"}

# The same row of every table, so that one number asks each address for something of theirs.
NUMBER = 70_000_000

# What a table, or a page that shows its rows, asks for beyond its columns' kinds.
ASKED: dict[str, Callable[[str], dict[str, Any]]] = {
    # A user has one key that opens.
    "accounts.ApiKey": lambda _: {"revoked_at": clock.now()},
    # It is shown as what a rate can be.
    "catalogue.UserRate": lambda _: {"rate_e8": 10**8},
    # Whoever decides is somebody else.
    "ledger.Adjustment": lambda _: {"decided_by_id": None},
    # Its words have gaps for these.
    "notices.Notice": lambda text: {
        "data": {"order": 1, "quantity": 1, "service": text, "link": text}
    },
    # Somebody said it.
    "orders.Exchange": lambda _: {"provider_id": Provider.objects.create(name="upstream").pk},
    "orders.OrderEvent": lambda _: {"from_status": "", "to_status": Status.QUEUED},
    "orders.Subscription": lambda _: {"paused_for": ""},
    # It stands in an address.
    "payments.Affiliate": lambda _: {"code": "hers"},
    # Nobody brings themselves.
    "payments.Referral": lambda _: {"user_id": _somebody().pk},
}


def belongings(user: User, service: Service, *, text: str) -> tuple[dict[str, int], list[str]]:
    """Return the number of the user's row in each table by its label, and the tables left out.

    Three rounds: some rows belong to others that belong to the user.
    """
    made = {"orders.Order": client.order(user, service, link=f"https://example.com/{text}").pk}
    PaymentMethod.objects.create(name="Bank", min_e8=1, max_e8=10**12)
    missing: list[str] = []
    for _ in range(3):
        missing = []
        for model in _owned():
            label = model._meta.label
            if label not in made and (row := _plant(model, user, made, text)) is not None:
                made[label] = row.pk
            elif label not in made:
                missing.append(label)
    return made, missing


def _owned() -> list[type[models.Model]]:
    ours = [model for model in apps.get_models() if model.__module__.startswith("relaypanel.")]
    owned: set[type[models.Model]] = {User}
    while grown := {it for it in ours if it not in owned and _parents(it) & owned}:
        owned |= grown
    return [m for m in ours if m in owned and m._meta.label not in NOT_ROWS_OF_A_PERSON]


def _parents(model: type[models.Model]) -> set[Any]:
    fields = model._meta.concrete_fields
    return {field.related_model for field in fields if isinstance(field, models.ForeignKey)}


def _plant(
    model: type[models.Model], user: User, made: dict[str, int], text: str
) -> models.Model | None:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        is_number = field.primary_key and not isinstance(field, models.ForeignKey)
        values[field.attname] = NUMBER if is_number else _value(field, user, made, text)
    try:
        with transaction.atomic():
            row = model(**values | _asked(model._meta.label, text))
            rows: Any = models.QuerySet(model)
            rows.bulk_create([row])
            return models.QuerySet(model).order_by("-pk").first()
    except (DatabaseError, TypeError, ValueError):
        return None


def _asked(label: str, text: str) -> dict[str, Any]:
    return ASKED[label](text) if label in ASKED else {}


def _value(field: models.Field[Any, Any], user: User, made: dict[str, int], text: str) -> Any:
    if isinstance(field, models.ForeignKey):
        return _owner(field, user, made)
    if field.choices:
        return field.default if field.has_default() else field.choices[0][0]
    if isinstance(field, models.CharField | models.TextField):
        return text[: field.max_length or 60]
    if field.null or field.has_default():
        return None if field.null else field.get_default()
    for kind, value in PLAIN.items():
        if isinstance(field, kind):
            return value(text)
    return 1


PLAIN: dict[type[models.Field[Any, Any]], Callable[[str], Any]] = {
    models.DateTimeField: lambda _: clock.now() - timedelta(hours=1),
    models.BooleanField: lambda _: True,
    models.JSONField: lambda text: {"text": text},
    models.BinaryField: lambda text: text.encode(),
    models.GenericIPAddressField: lambda _: "203.0.113.7",
}


def _somebody() -> User:
    name = f"brought-{User.objects.count()}"
    members.enrol(username=name, password=None, role=Role.CUSTOMER, now=clock.now())
    return users.named(name)


def _owner(field: models.ForeignKey[Any, Any], user: User, made: dict[str, int]) -> int | None:
    related: Any = field.related_model
    if related is User:
        return user.pk
    first = models.QuerySet(related).order_by("pk").first()
    known = made.get(related._meta.label)
    return known or (first.pk if first and not field.null else None)
