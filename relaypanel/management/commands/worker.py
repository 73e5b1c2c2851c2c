from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from relaypanel import preflight


class Command(BaseCommand):
    help = "Send orders to providers and follow them, until SIGTERM."
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        preflight.require_schema()
        # Brings the HTTP client along, which no other command needs.
        from relaypanel.worker import loop

        loop.main()
