from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from relaypanel import backups


class Command(BaseCommand):
    help = (
        "Put a backup in the place of the database, bring it up to this release, and hold every"
        " order that may have been sent since.  Stop all web and worker processes first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--yes", action="store_true", help="the database as it is now may be lost"
        )

    def handle(self, *, file: Path, yes: bool, **_: Any) -> None:
        if not yes:
            raise CommandError(
                "This throws away the database as it is now.  Take a backup of it first, and add"
                " --yes."
            )
        backups.put_back(file)
        call_command("migrate", verbosity=0)
        call_command("restored", anyway=True, stdout=self.stdout)
