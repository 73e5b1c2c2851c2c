from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from relaypanel import clock, preflight
from relaypanel.duties.models import Restoration
from relaypanel.orders import restored
from relaypanel.orders.models import Status


class Command(BaseCommand):
    help = (
        "Say that the database was restored from a backup: hold every order that waits, because"
        " it may have been sent since the backup was made.  Stop all workers first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anyway",
            action="store_true",
            help="also if this machine sees no sign of it, as one whose workers never ran",
        )

    def handle(self, *, anyway: bool, **_: Any) -> None:
        preflight.require_schema()
        from relaypanel.worker import history

        if not (anyway or history.is_behind()):
            raise CommandError(
                "The database is not behind what was seen on this machine; nothing was changed."
                "  If it was restored from a backup nevertheless, add --anyway."
            )
        now = clock.of_database()
        with transaction.atomic():
            held = restored.hold_all(now=now)
            Restoration.objects.create(at=now)
        history.begin_anew()
        self.stdout.write(
            f"{held[Status.HELD]} orders that waited are held now, and"
            f" {held[Status.UNCONFIRMED]} are unconfirmed.  Look for each at its provider before"
            " you send or end it.  Workers may start again."
        )
