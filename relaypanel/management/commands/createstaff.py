from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from relaypanel import clock
from relaypanel.accounts import audit_log, rights
from relaypanel.accounts.models import Role, User
from relaypanel.errors import Refused
from relaypanel.ledger import members


class Command(BaseCommand):
    help = "Create an owner or a member of staff, who can sign in with a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument(
            "--role", choices=[Role.OWNER.value, Role.STAFF.value], default=Role.OWNER.value
        )
        parser.add_argument(
            "--staff-role",
            default="Support",
            metavar="NAME",
            help="which rights a member of staff has; owners have all",
        )
        parser.add_argument("--email", default="")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of standard input instead of asking",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        password = _first_line() if options["password_stdin"] else _asked_twice()
        try:
            user = _enrol(options, password)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"Created {user.role} {user}.")


def _enrol(options: dict[str, Any], password: str) -> User:
    now = clock.now()
    role = Role(options["role"])
    with transaction.atomic():
        member = members.enrol(
            username=options["username"],
            password=password,
            role=Role.CUSTOMER,
            email=options["email"],
            now=now,
        )
        return rights.appoint(
            user_id=member.user.pk,
            role=role,
            staff_role_id=rights.named(options["staff_role"]).pk if role == Role.STAFF else None,
            by=audit_log.CONSOLE,
            now=now,
        )


def _first_line() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _asked_twice() -> str:
    # Without a terminal getpass would show the password and warn instead of asking.
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for a password: use --password-stdin.")
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Password, once more: ")
    except (EOFError, KeyboardInterrupt):
        raise CommandError("No password was given; nobody was created.") from None
    if password != again:
        raise CommandError("The two passwords differ; nobody was created.")
    return password
