from __future__ import annotations

from django.apps import AppConfig

from relaypanel import safety


class RelaypanelConfig(AppConfig):
    """Makes the commands in management/commands known to `relaypanel`, and our checks to Django."""

    name = "relaypanel"
    label = "relaypanel"

    def ready(self) -> None:
        safety.enlist()
