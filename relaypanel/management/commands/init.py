from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from relaypanel import env_file
from relaypanel.preflight import CannotStart


class Command(BaseCommand):
    help = "Write the .env file with fresh secret keys, unless there is one."
    # Runs before there are settings to check.

    def handle(self, **_: Any) -> None:
        try:
            written = env_file.write()
        except OSError as error:
            raise CannotStart(f"cannot write {env_file.path()}: {error.strerror}") from None
        if written:
            print(f"Wrote {env_file.path()} with fresh keys.  Keep a copy: without FIELD_KEYS")
            print("the secrets in the database cannot be read again.")
        else:
            print(f"{env_file.path()} is there already; it was left as it is.")
