from __future__ import annotations

import asyncio
from argparse import BooleanOptionalAction
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from relaypanel import clock, money
from relaypanel.catalogue import (
    diff,
    intake,
    listing,
    mirror,
    pricing_rules,
    quarantine,
    rates,
    staff,
    stock,
    terms,
    undo,
)
from relaypanel.catalogue.models import Markup, Outcome, Quarantine, Service, Sync, Visibility
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.errors import ProviderError, Refused
from relaypanel.providers import refresh, registry
from relaypanel.providers.models import Provider

SYNCS_SHOWN = 20
Run = Callable[[dict[str, Any]], None]


class Command(BaseCommand):
    help = "Look after what is sold: import, list, set, and follow the price lists of providers."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Run, about: str) -> CommandParser:
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
        _add_set_arguments(verb("set", self._set, "change one service"))
        synced = verb("sync", self._sync, "fetch a provider's price list and follow it")
        synced.add_argument("provider", metavar="PROVIDER")
        synced.add_argument("--dry-run", action="store_true", help="only print what would change")
        synced.add_argument(
            "--accept-short",
            action="store_true",
            help="believe a list that lost more than half of its services",
        )
        verb("syncs", self._syncs, "print the latest syncs, by the numbers that undo takes")
        undone = verb("undo", self._undo, "take back what a sync changed")
        undone.add_argument("sync", type=int, metavar="SYNC")
        waiting = verb("quarantine", self._quarantine, "decide what is not followed by itself")
        waiting.add_argument("decision", choices=("list", "approve", "reject"))
        waiting.add_argument("ids", type=int, nargs="*", metavar="ID")
        _add_rule_arguments(verb("rule", self._rule, "set what is added to a provider's rates"))
        verb("rules", self._rules, "print all rules")
        _add_terms_arguments(verb("terms", self._terms, "show or set how a provider is followed"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except (Refused, ProviderError) as error:
            raise CommandError(str(error)) from None

    def _import(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["provider"])
        only = _ids(options["only"])
        on_sale = intake.on_sale(provider, upstream_ids=only)
        services = intake.add_services(
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
        names = ("name", "visibility", "rate_locked", "name_locked", "auto_refill")
        changes = {name: options[name] for name in names if options[name] is not None}
        if options["rate"] is not None:
            changes["rate_e8"] = rates.parse(options["rate"])
        if not changes:
            raise CommandError("Say what to change: --rate, --name, --enable, --hide, --disable …")
        service = staff.change(service_id=options["id"], now=clock.now(), **changes)
        self.stdout.write(_line(service))

    def _sync(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["provider"])
        told = asyncio.run(refresh.fetch(provider))
        chosen = {"listings": told.listings, "accept_short": options["accept_short"]}
        if options["dry_run"]:
            synced = mirror.preview(provider, **chosen)
        else:
            now = clock.now()
            refresh.record_balance(provider_id=provider.pk, balance=told.balance, now=now)
            synced = mirror.sync(provider, now=now, **chosen)
        if synced.outcome is not Outcome.APPLIED:
            raise CommandError(diff.refused(synced.outcome, synced.listed, synced.known))
        for line in diff.lines(synced.plan):
            self.stdout.write(line)
        self.stdout.write(_summary(synced, is_preview=options["dry_run"]))

    def _syncs(self, _options: dict[str, Any]) -> None:
        events = Sync.objects.annotate(count=Count("changes")).select_related("provider")
        for event in events.order_by("-pk")[:SYNCS_SHOWN]:
            undone = "  undone" if event.undone_at else ""
            self.stdout.write(
                f"{event.pk}  {event.at:%Y-%m-%d %H:%M}  {event.provider.name}  {event.outcome}  "
                f"{event.listed} listed, {event.count} services changed{undone}"
            )

    def _undo(self, options: dict[str, Any]) -> None:
        undone = undo.undo(sync_id=options["sync"], now=clock.now())
        self.stdout.write(
            f"{undone.restored} services are as they were before; "
            f"{undone.changed_since} were changed since and stay as they are."
        )

    def _quarantine(self, options: dict[str, Any]) -> None:
        ids, decision = options["ids"], options["decision"]
        if decision == "list":
            for waiting in quarantine.waiting():
                self.stdout.write(_waits(waiting))
            return
        if not ids:
            raise CommandError(f"Say what to {decision}: the numbers that `list` prints.")
        if decision == "approve":
            for turn in quarantine.approve(ids=ids, now=clock.now()):
                for line in diff.turn_lines(turn):
                    self.stdout.write(line)
        else:
            quarantine.reject(ids=ids)
            self.stdout.write(f"Rejected {len(ids)}; things stay as they are.")

    def _rule(self, options: dict[str, Any]) -> None:
        if options["remove"] == (options["mark_up"] is not None):
            raise CommandError("Say either --mark-up PERCENT or --remove.")
        if options["service"] is not None:
            _rule_for_service(options)
        else:
            _rule_for_provider(options)
        self.stdout.write("Done.  Rates follow at the next sync; see it first with --dry-run.")

    def _rules(self, _options: dict[str, Any]) -> None:
        rows = Markup.objects.select_related("provider", "service")
        for markup in rows.order_by("provider__name", "category", "service_id"):
            self.stdout.write(f"{_scope(markup)}  {markup}")

    def _terms(self, options: dict[str, Any]) -> None:
        provider = registry.named(options["provider"])
        numbers = {name: options[name] for name in terms.RANGES if options[name] is not None}
        found = terms.change(provider, **numbers)
        if options["currency_rate"] is not None:
            terms.set_currency_rate(provider, _amount(options["currency_rate"]))
        self.stdout.write(
            f"{provider.name}: every {found.every_minutes} minutes; "
            f"a rate that moves over {found.spike_percent} % waits; "
            f"closed after {found.vanish_syncs} lists without it; "
            f"one {provider.currency} costs {_currency_rate(provider)} {settings.CURRENCY}."
        )


def _add_set_arguments(changed: CommandParser) -> None:
    changed.add_argument("id", type=int, metavar="ID")
    changed.add_argument("--rate", metavar="AMOUNT", help="at most five decimals; locks the rate")
    changed.add_argument("--name", metavar="TEXT", help="locks the name and the description")
    shown = changed.add_mutually_exclusive_group()
    for flag, visibility, about in (
        ("--enable", Visibility.ENABLED, "list it and sell it"),
        ("--hide", Visibility.HIDDEN, "neither list nor sell it for now"),
        ("--disable", Visibility.DISABLED, "close it"),
    ):
        shown.add_argument(
            flag, dest="visibility", action="store_const", const=visibility, help=about
        )
    changed.add_argument(
        "--auto-refill",
        action=BooleanOptionalAction,
        help="ask for a refill of its new orders when they drop, where the provider counts again",
    )
    for what in ("rate", "name"):
        locks = changed.add_mutually_exclusive_group()
        for verb, value, about in (
            ("lock", True, f"keep the {what} whatever the provider does"),
            ("unlock", False, f"let the {what} follow the provider"),
        ):
            locks.add_argument(
                f"--{verb}-{what}",
                dest=f"{what}_locked",
                action="store_const",
                const=value,
                help=about,
            )


def _add_rule_arguments(rule: CommandParser) -> None:
    scope = rule.add_mutually_exclusive_group(required=True)
    scope.add_argument("--provider", metavar="PROVIDER", help="for what this provider sells")
    scope.add_argument("--service", type=int, metavar="ID", help="for one service of ours")
    rule.add_argument(
        "--category", default="", metavar="TEXT", help="in this category of the provider alone"
    )
    rule.add_argument("--mark-up", metavar="PERCENT", help="at most two decimals")
    rule.add_argument("--fixed", default="0", metavar="AMOUNT", help="to add to that")
    rule.add_argument(
        "--auto-import", action="store_true", help="put what is newly listed up for sale"
    )
    rule.add_argument("--remove", action="store_true", help="drop the rule")


def _add_terms_arguments(changed: CommandParser) -> None:
    changed.add_argument("provider", metavar="PROVIDER")
    for flag, name, metavar, about in (
        ("--every", "every_minutes", "MINUTES", "how often its list is fetched"),
        ("--spike", "spike_percent", "PERCENT", "a rate that moves further waits for a person"),
        ("--vanish", "vanish_syncs", "LISTS", "without a service, in a row, close it"),
    ):
        changed.add_argument(flag, dest=name, type=int, metavar=metavar, help=about)
    changed.add_argument(
        "--currency-rate", metavar="AMOUNT", help="what one unit of its currency costs in ours"
    )


def _rule_for_service(options: dict[str, Any]) -> None:
    if options["auto_import"] or options["category"]:
        raise CommandError("--auto-import and --category are for the rule of a provider.")
    if options["remove"]:
        pricing_rules.remove_for_service(options["service"])
        return
    if not Service.objects.filter(pk=options["service"]).exists():
        raise staff.UnknownService(service_id=options["service"])
    pricing_rules.set_for_services([options["service"]], _rule(options))


def _rule_for_provider(options: dict[str, Any]) -> None:
    provider = registry.named(options["provider"])
    if options["remove"]:
        pricing_rules.remove_for_provider(provider, category=options["category"])
    else:
        pricing_rules.set_for_provider(provider, _rule(options), category=options["category"])


def _rule(options: dict[str, Any]) -> Rule:
    return Rule(
        percent_e2=pricing_rules.percent_e2(_percent(options["mark_up"])),
        fixed_e8=_amount(options["fixed"]),
        auto_import=options["auto_import"],
    )


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


def _amount(text: str) -> int:
    try:
        return money.parse(text)
    except ValueError:
        raise CommandError(f"{text!r} is not an amount; write it like 1.5.") from None


def _line(service: Service) -> str:
    rate = f"{money.text(service.rate_e8)} {settings.CURRENCY} per {service.rate_per}"
    return f"{service.pk}  {service.visibility}  {rate}  {service.type}  {service.name}"


def _summary(synced: mirror.Synced, *, is_preview: bool) -> str:
    changed = sum(1 for turn in synced.plan.turns if turn.columns)
    counts = f"{len(synced.plan.seen)} new, {changed} of our services"
    if is_preview:
        return f"Would change: {counts}.  Nothing was changed."
    if synced.sync_id is None:
        return "Nothing changed."
    return f"Changed: {counts}.  To take it back: relaypanel catalogue undo {synced.sync_id}"


def _waits(waiting: Quarantine) -> str:
    route = waiting.route
    words = diff.waits(stock.held_by(waiting), stock.row(route.upstream))
    return (
        f"{waiting.pk}  {waiting.since_at:%Y-%m-%d %H:%M}  service {route.service_id} "
        f"{route.service.visibility}  {route.upstream.provider.name} "
        f"{route.upstream.upstream_id}  {words}  {route.service.name}"
    )


def _scope(markup: Markup) -> str:
    if markup.service is not None:
        return f"service {markup.service}"
    auto = "  auto-import" if markup.auto_import else ""
    assert markup.provider is not None
    return f"{markup.provider.name}  {markup.category or 'all categories'}{auto}"


def _currency_rate(provider: Provider) -> str:
    rate_e8 = provider.rate_to_panel_e8
    return "1" if rate_e8 is None else money.text(rate_e8)
