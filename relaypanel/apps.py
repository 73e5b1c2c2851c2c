from __future__ import annotations

from django.apps import AppConfig


class RelaypanelConfig(AppConfig):
    """Makes the commands in management/commands known to `relaypanel`."""

    name = "relaypanel"
    label = "relaypanel"
