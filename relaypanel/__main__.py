"""The command `relaypanel`: Django's commands and ours, with one clear line for what cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# Read by people who have just installed us, in the order in which they need them.  Kept here
# and not read from the commands, because the list must show before any setting is made.
COMMANDS = {
    "init": "write .env with fresh secret keys, unless there is one",
    "migrate": "create the tables, or bring them up to date",
    "createstaff": "add somebody who runs the panel",
    "provider": "look after the panels that orders are sent to",
    "catalogue": "look after what is sold",
    "user": "look after customers: their keys, balances and addresses",
    "payment": "look after ways to pay, top-ups, currencies and affiliates",
    "adminkey": "look after keys of the admin API, for bots, back offices and suppliers",
    "serve": "run it all on this machine; --demo adds a shop and a simulated provider",
    "web": "run the API alone",
    "worker": "run what sends orders to providers and follows them, alone",
    "simulator": "run an upstream panel that only pretends, for trials",
    "demo": "fill a demo shop and print its keys",
    "order": "set the status of orders that staff deliver by hand",
    "metrics": "print what Prometheus is told",
    "rekey": "seal the secrets in the database under a new key",
    "backup": "copy the database into a file while the panel runs",
    "restore": "put a backup back, and hold what may have been sent since",
    "restored": "say that the database was restored from a backup, so that nothing is sent twice",
    "audit": "prove the ledger; exit code 1 on any difference",
}

_CANNOT_START = 2


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relaypanel.settings")
    # What we write, a database, its backup or the static files, is not for every user to read.
    os.umask(os.umask(0o077) | 0o007)
    _follow_supervisor()
    try:
        _run(sys.argv[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        print(f"relaypanel: {line}", file=sys.stderr)  # noqa: T201  this is the command line
        return _CANNOT_START
    return 0


def explain(error: Exception) -> str | None:
    """Return what the operator can do about `error`, in one line, or None if it is a bug."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import OperationalError, ProgrammingError

    from relaypanel.preflight import CannotStart

    if isinstance(error, ImproperlyConfigured | CannotStart):
        return _one_line(error)
    if isinstance(error, OperationalError | ProgrammingError) and _lacks_table(error):
        return "the database lacks tables of this release; run `relaypanel migrate`"
    if isinstance(error, OperationalError):
        return f"DATABASE_URL: the database cannot be used: {_one_line(error)}"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return "what was typed is no UTF-8; set the terminal to it"
    return None


def _run(arguments: Sequence[str]) -> None:
    if list(arguments) in ([], ["help"], ["-h"], ["--help"]):
        print(_overview())  # noqa: T201  this is the command line
        return
    from django.core.management import BaseCommand, execute_from_command_line

    # They judge our code, as the tests do; reading every page for it would take a command half
    # of its time.  What judges settings is safety.py.
    BaseCommand.requires_system_checks = ()
    if arguments[0] == "init":
        # Writes what the settings need, so it cannot wait for Django, which loads them first.
        from relaypanel.management.commands import init

        init.Command().run_from_argv(["relaypanel", *arguments])
    else:
        execute_from_command_line(["relaypanel", *arguments])


def _overview() -> str:
    commands = "\n".join(f"  {name:<12} {purpose}" for name, purpose in COMMANDS.items())
    return (
        f"relaypanel COMMAND [OPTIONS]\n\n{commands}\n\n"
        "`relaypanel COMMAND --help` tells the options of one;\n"
        "`relaypanel help --commands` also lists those of Django."
    )


def _follow_supervisor() -> None:
    # Taken out, so that what this process starts in turn does not look for the same parent.
    parent_pid = os.environ.pop("RELAYPANEL_PARENT", "")
    if parent_pid:
        from relaypanel import processes

        processes.end_with_parent(int(parent_pid))


def _lacks_table(error: Exception) -> bool:
    # SQLite has no code for it; PostgreSQL's is 42P01, "undefined table".
    return "no such table" in str(error) or getattr(error.__cause__, "sqlstate", "") == "42P01"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
