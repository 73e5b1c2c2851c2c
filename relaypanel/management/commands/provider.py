from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from relaypanel import clock, money
from relaypanel.catalogue import diff, mirror
from relaypanel.catalogue.models import Outcome
from relaypanel.errors import ProviderError, Refused
from relaypanel.providers import refresh, registry
from relaypanel.providers.models import Provider

# What only the owner knows: an option, its column, and what "yes" says.
_DECLARED: Final = {
    "ids-grow": ("brackets_ids", "the IDs of its orders only grow"),
    "exclusive-key": ("key_is_exclusive", "nobody but this panel spends with our key there"),
    "client-ref": ("speaks_client_ref", "it answers the same client_ref with the same order"),
}


class Command(BaseCommand):
    help = "Look after the panels upstream: add, declare, list, refresh, pause, resume."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Callable[[dict[str, Any]], None], about: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=about, description=about)
            added.set_defaults(run=run)
            return added

        added = verb("add", self._add, "make a panel known; its key is asked for")
        added.add_argument("name", metavar="NAME")
        added.add_argument("url", metavar="URL", help="the whole address of its API v2")
        added.add_argument(
            "--key-stdin",
            action="store_true",
            help="read the key from the first line of standard input instead of asking",
        )
        added.add_argument(
            "--currency", default=settings.CURRENCY, metavar="CODE", help="what it charges in"
        )
        added.add_argument("--concurrency", type=int, metavar="N", help="orders sent at once")
        added.add_argument("--poll-seconds", type=int, metavar="N", help="pause between two polls")
        added.add_argument(
            "--deadline-ms", type=int, metavar="N", help="the whole time one call may take"
        )
        declared = verb("declare", self._declare, "say what only you can know of a panel")
        declared.add_argument("name", metavar="NAME")
        for option, (_, about) in _DECLARED.items():
            declared.add_argument(f"--{option}", choices=("yes", "no"), help=about)
        verb("list", self._list, "print every panel and how it does")
        for name, run, about in (
            ("refresh", self._refresh, "fetch its price list and our balance there"),
            ("pause", self._pause, "send it nothing until it is resumed"),
            ("resume", self._resume, "send to it again, whatever stopped it"),
        ):
            verb(name, run, about).add_argument("name", metavar="NAME")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except (Refused, ProviderError) as error:
            raise CommandError(str(error)) from None

    def _add(self, options: dict[str, Any]) -> None:
        key = _first_line() if options["key_stdin"] else _asked()
        names = ("currency", "concurrency", "poll_seconds", "deadline_ms")
        chosen = {name: options[name] for name in names if options[name] is not None}
        provider = registry.add(name=options["name"], url=options["url"], key=key, **chosen)
        self.stdout.write(
            f"Added {provider.name}.  Next: relaypanel provider refresh {provider.name!r}"
        )

    def _declare(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["name"])
        told = {
            option: options[option.replace("-", "_")]
            for option in _DECLARED
            if options[option.replace("-", "_")]
        }
        declared = {_DECLARED[option][0]: answer == "yes" for option, answer in told.items()}
        if not declared:
            raise CommandError("Say what is to be declared; --help tells what there is.")
        registry.declare(provider, **declared)
        words = ", ".join(f"{option} {answer}" for option, answer in told.items())
        self.stdout.write(f"{provider.name}: {words}.")

    def _list(self, _options: dict[str, Any]) -> None:
        for provider in Provider.objects.annotate(count=Count("services")).order_by("name"):
            balance = "unknown" if provider.balance_e8 is None else money.text(provider.balance_e8)
            self.stdout.write(
                f"{provider.name}  {_health(provider)}  {provider.url}  "
                f"{provider.count} services  balance {balance} {provider.currency}"
            )

    def _refresh(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["name"])
        told = asyncio.run(refresh.fetch(provider))
        now, balance = clock.now(), told.balance
        refresh.record_balance(provider_id=provider.pk, balance=balance, now=now)
        # The shop follows at once: a list that was recorded and not followed would hide a spike.
        synced = mirror.sync(provider, listings=told.listings, now=now)
        if synced.outcome is not Outcome.APPLIED:
            raise CommandError(diff.refused(synced.outcome, synced.listed, synced.known))
        self.stdout.write(
            f"{provider.name} lists {synced.listed} services, "
            f"{len(synced.plan.seen)} of them new; "
            f"our balance there is {money.text(balance.amount_e8)} {balance.currency}."
        )

    def _pause(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["name"])
        registry.pause(provider)
        self.stdout.write(f"{provider.name} is paused: no order goes there.")

    def _resume(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["name"])
        registry.resume(provider)
        self.stdout.write(f"Orders go to {provider.name} again.")


def _first_line() -> str:
    return sys.stdin.readline().strip()


def _asked() -> str:
    # Without a terminal getpass would show the key and warn instead of asking.
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the key: use --key-stdin.")
    try:
        return getpass.getpass("Key: ").strip()
    except (EOFError, KeyboardInterrupt):
        raise CommandError("No key was given; nothing was added.") from None


def _health(provider: Provider) -> str:
    if not provider.enabled:
        return "paused"
    return provider.paused_for or "running"
