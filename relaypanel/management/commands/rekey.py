from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models

from relaypanel import vault

# What a column of sealed text is called.  A test holds every use of the vault against it.
SUFFIXES: Final = ("_encrypted", "_sealed")
# allauth keeps its sealed texts in a JSON object: the seed of an app, the seed or the list of
# recovery codes.
_MFA: Final = "mfa.Authenticator"
_MFA_FIELDS: Final = ("secret", "seed", "migrated_codes")

_ROWS: Final = 500


class Command(BaseCommand):
    help = (
        "Seal every secret in the database under the first of FIELD_KEYS. "
        "Exit code 1 when one cannot be opened: keep the old key then."
    )

    def handle(self, **_: Any) -> None:
        unreadable: list[str] = []
        for model, column in columns():
            changed = 0
            for row in _rows(model, column):
                try:
                    changed += _reseal(row, column)
                except vault.Unreadable:
                    unreadable.append(f"{model._meta.label} {row.pk}")
            self.stdout.write(f"{model._meta.label}.{column}: {changed} sealed anew")
        if unreadable:
            raise CommandError(
                "None of FIELD_KEYS opens these, so keep every key you have: "
                + ", ".join(unreadable[:20])
            )
        self.stdout.write("Every secret is under the first of FIELD_KEYS; the others may go.")


def columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yield every column that holds sealed text, whoever it belongs to."""
    for model in apps.get_models():
        if model._meta.label == _MFA:
            yield model, "data"
        for field in model._meta.concrete_fields:
            if field.name.endswith(SUFFIXES):
                yield model, field.name


def _rows(model: type[models.Model], column: str) -> Iterator[models.Model]:
    """Yield rows in slices, so that nothing is locked and nothing is held for long."""
    last = 0
    while rows := list(
        model._default_manager.filter(pk__gt=last).only("pk", column).order_by("pk")[:_ROWS]
    ):
        yield from rows
        last = rows[-1].pk


def _reseal(row: models.Model, column: str) -> int:
    old = getattr(row, column)
    new = _sealed_anew(old)
    if new == old:
        return 0
    # A key that its owner rotates meanwhile is already under the first one.
    rows = type(row)._default_manager.filter(pk=row.pk, **{column: old})
    return rows.update(**{column: new})


def _sealed_anew(value: Any) -> Any:
    if isinstance(value, dict):
        return value | {name: _sealed_anew(value[name]) for name in _MFA_FIELDS if name in value}
    if isinstance(value, list):
        return [_sealed_anew(item) for item in value]
    return vault.reseal(value) if value else value
