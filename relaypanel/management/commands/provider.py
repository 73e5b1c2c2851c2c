from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from relaypanel import clock, http, money
from relaypanel.errors import ProviderError, Refused
from relaypanel.providers import refresh, registry
from relaypanel.providers.models import Provider


class Command(BaseCommand):
    help = "Look after the panels upstream: add, list, refresh, pause, resume."

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

    def _list(self, _options: dict[str, Any]) -> None:
        for provider in Provider.objects.annotate(count=Count("services")).order_by("name"):
            balance = "unknown" if provider.balance_e8 is None else money.text(provider.balance_e8)
            self.stdout.write(
                f"{provider.name}  {_health(provider)}  {provider.url}  "
                f"{provider.count} services  balance {balance} {provider.currency}"
            )

    def _refresh(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["name"])
        # Not asyncio.run: this keeps what the fetch writes on this thread's connection.
        fetched = async_to_sync(_fetch)(provider, clock.now())
        services, balance = fetched.services, fetched.balance
        self.stdout.write(
            f"{provider.name} lists {services.new + services.known} services, "
            f"{services.new} of them new; "
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


async def _fetch(provider: Provider, now: datetime) -> refresh.Fetched:
    async with http.Session() as session:
        return await refresh.fetch(provider=provider, post=session.post, now=now)
