from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from relaypanel import clock, money
from relaypanel.catalogue import listing, mirror, rates
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.errors import Refused
from relaypanel.providers import registry


class Command(BaseCommand):
    help = "Look after what is sold: import, list, set."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Callable[[dict[str, Any]], None], about: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=about, description=about)
            added.set_defaults(run=run)
            return added

        imported = verb("import", self._import, "put a provider's services up for sale")
        imported.add_argument("provider", metavar="PROVIDER")
        imported.add_argument(
            "--mark-up", required=True, metavar="PERCENT", help="what to add to each of its rates"
        )
        imported.add_argument(
            "--only", metavar="ID,ID", help="these services by the provider's IDs, not all"
        )
        verb("list", self._list, "print every service, also those that are not sold")
        changed = verb("set", self._set, "change one service")
        changed.add_argument("id", type=int, metavar="ID")
        changed.add_argument("--rate", metavar="AMOUNT", help="at most five decimals")
        shown = changed.add_mutually_exclusive_group()
        for flag, visibility, about in (
            ("--enable", Visibility.ENABLED, "list it and sell it"),
            ("--hide", Visibility.HIDDEN, "neither list nor sell it for now"),
            ("--disable", Visibility.DISABLED, "close it"),
        ):
            shown.add_argument(
                flag, dest="visibility", action="store_const", const=visibility, help=about
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refused:
            raise CommandError(str(refused)) from None

    def _import(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["provider"])
        only = _ids(options["only"])
        on_sale = mirror.on_sale(provider, upstream_ids=only)
        services = mirror.add_services(
            provider,
            markup_percent=_percent(options["mark_up"]),
            upstream_ids=only,
            now=clock.now(),
        )
        for service in services:
            self.stdout.write(_line(service))
        self.stdout.write(
            f"Added {len(services)} services of {provider.name}; "
            f"{len(on_sale)} were on sale before and stay as they are."
        )

    def _list(self, _options: dict[str, Any]) -> None:
        services = Service.objects.annotate(routes_count=Count("routes")).order_by(*listing.ORDER)
        for service in services:
            fulfilled = f"{service.routes_count} routes" if service.routes_count else "manual"
            self.stdout.write(f"{_line(service)}  ({fulfilled})")

    def _set(self, options: dict[str, Any]) -> None:
        service = Service.objects.filter(pk=options["id"]).first()
        if service is None:
            raise CommandError(f"There is no service {options['id']}.")
        changes: dict[str, Any] = {}
        if options["rate"] is not None:
            changes["rate_e8"] = rates.parse(options["rate"])
        if options["visibility"] is not None:
            changes["visibility"] = options["visibility"]
        if not changes:
            raise CommandError("Say what to change: --rate, --enable, --hide or --disable.")
        for name, value in changes.items():
            setattr(service, name, value)
        service.save(update_fields=list(changes))
        self.stdout.write(_line(service))


def _ids(text: str | None) -> Sequence[str] | None:
    if text is None:
        return None
    ids = [part.strip() for part in text.split(",") if part.strip()]
    if not ids:
        raise CommandError("Name at least one ID after --only.")
    return ids


def _percent(text: str) -> Decimal:
    try:
        return Decimal(money.parse(text)) / money.ONE_E8
    except ValueError:
        raise CommandError(f"{text!r} is not a percentage; write it like 20 or 12.5.") from None


def _line(service: Service) -> str:
    rate = f"{money.text(service.rate_e8)} {settings.CURRENCY} per {service.rate_per}"
    return f"{service.pk}  {service.visibility}  {rate}  {service.type}  {service.name}"
