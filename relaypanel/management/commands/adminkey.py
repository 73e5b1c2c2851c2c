from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from relaypanel import clock
from relaypanel.accounts import admin_keys, audit_log, users
from relaypanel.accounts.models import AdminKey, Scope
from relaypanel.errors import Refused


class Command(BaseCommand):
    help = "Look after the keys of the admin API: create, list, revoke."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Callable[[dict[str, Any]], None], about: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=about, description=about)
            added.set_defaults(run=run)
            return added

        create = verb("create", self._create, "make a key and print it, once")
        create.add_argument("name", metavar="NAME", help="what the key is for")
        create.add_argument("--user", required=True, help="in whose name and rights it acts")
        create.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=Scope.values,
            help="what it opens; may be said more than once",
        )
        create.add_argument(
            "--service",
            action="append",
            type=int,
            default=[],
            metavar="ID",
            help="a supplier's key: the only services whose orders it may see",
        )
        verb("list", self._list, "print all keys, but for their text")
        revoke = verb("revoke", self._revoke, "let a key open nothing any more")
        revoke.add_argument("id", type=int, metavar="KEY")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refused:
            raise CommandError(str(refused) or refused.code) from None

    def _create(self, options: dict[str, Any]) -> None:
        key, text = admin_keys.issue(
            name=options["name"],
            user=users.named(options["user"]),
            scopes={Scope(scope) for scope in options["scope"]},
            service_ids=options["service"],
            by=audit_log.CONSOLE,
            now=clock.now(),
        )
        self.stdout.write(f"Made key {key.pk}. It is shown this once:\n{text}")

    def _list(self, _options: dict[str, Any]) -> None:
        for key in admin_keys.listed():
            self.stdout.write(_line(key))

    def _revoke(self, options: dict[str, Any]) -> None:
        key = admin_keys.revoke(options["id"], by=audit_log.CONSOLE, now=clock.now())
        self.stdout.write(f"Key {key.pk}, {key}, opens nothing any more.")


def _line(key: AdminKey) -> str:
    state = "revoked" if key.revoked_at else "live"
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    services = f" services {','.join(map(str, key.service_ids))}" if key.service_ids else ""
    scopes = ",".join(key.scopes)
    return f"{key.pk} {key.name} …{key.last_four} {key.user} {state} {scopes}{services} used {used}"
