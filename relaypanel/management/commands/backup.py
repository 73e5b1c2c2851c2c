from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from relaypanel import backups


class Command(BaseCommand):
    help = "Copy the database into a new file.  The panel may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, file: Path, **_: Any) -> None:
        size = backups.take(file)
        self.stdout.write(
            f"{file}: {size:,} bytes.  Keep it on another machine, and .env somewhere else again."
        )
