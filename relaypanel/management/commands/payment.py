from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from relaypanel import clock, money
from relaypanel.accounts import users
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.errors import Refused
from relaypanel.payments import affiliates, currencies, methods, topup
from relaypanel.payments.gateways.table import GATEWAYS
from relaypanel.payments.models import OPEN, Basis, PaymentMethod, TopUp


class Command(BaseCommand):
    help = "Look after money that comes in: list, confirm, reject, method, currency, affiliates."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Callable[[dict[str, Any]], None], about: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=about, description=about)
            added.set_defaults(run=run)
            return added

        verb("list", self._list, "print the top-ups that wait")
        confirm = verb("confirm", self._confirm, "put a top-up on its customer's balance, once")
        reject = verb("reject", self._reject, "end a top-up for which no money came")
        for decided in (confirm, reject):
            decided.add_argument("reference", metavar="REFERENCE")
            decided.add_argument("--by", required=True, metavar="USERNAME", help="who decided it")
        reject.add_argument("--reason", required=True, help="words for the customer")
        method = verb("method", self._method, "add a way to pay, or change the one of this name")
        method.add_argument("name", metavar="NAME")
        method.add_argument("--min", default="1", help="the least amount; default 1")
        method.add_argument("--max", default="1000", help="the largest amount; default 1000")
        method.add_argument("--bonus", default="0", help="percent that are added, like 2.5")
        method.add_argument("--currency", help="what is paid in, if it is not the panel's own")
        method.add_argument("--instructions", default="", help="what to do, in your words")
        method.add_argument("--bank-bin", default="", help="the bank's number, for a VietQR code")
        method.add_argument("--bank-account", default="")
        method.add_argument("--bank-holder", default="")
        method.add_argument("--gateway", default="", choices=["", *GATEWAYS])
        method.add_argument("--off", action="store_true", help="offer it no more")
        currency = verb("currency", self._currency, "set what one of the panel's currency is worth")
        currency.add_argument("code", metavar="CODE")
        currency.add_argument("rate", metavar="RATE", help="like 25400 for VND")
        shares = verb("affiliates", self._affiliates, "set what whoever brings a customer gets")
        shares.add_argument("percent", metavar="PERCENT", help="like 5; 0: nothing")
        shares.add_argument("--of", choices=Basis.values, default=Basis.DEPOSITS)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refused:
            raise CommandError(str(refused) or refused.code) from None
        except ValueError as error:
            raise CommandError(str(error)) from None

    def _list(self, _options: dict[str, Any]) -> None:
        rows = TopUp.objects.filter(state__in=OPEN).select_related("user", "method").order_by("pk")
        for one in rows.iterator():
            owed = f"{money.text(one.owed_e8)} {one.owed_currency}"
            self.stdout.write(f"{one.reference}  {owed}  {one.user}  {one.method}  {one.state}")

    def _confirm(self, options: dict[str, Any]) -> None:
        wanted, by = _named(options["reference"]), _decider(options["by"])
        done = topup.confirm(topup_id=wanted.pk, by=by, now=clock.now())
        amount = f"{money.text(done.amount_e8)} {settings.CURRENCY}"
        self.stdout.write(f"{done} is confirmed: {amount} for {done.user}.")

    def _reject(self, options: dict[str, Any]) -> None:
        wanted, by = _named(options["reference"]), _decider(options["by"])
        topup.reject(topup_id=wanted.pk, by=by, reason=options["reason"], now=clock.now())
        self.stdout.write(f"{wanted} is rejected.")

    def _method(self, options: dict[str, Any]) -> None:
        currency, known = options["currency"], currencies.all_codes()
        if currency is not None and currency not in known:
            raise CommandError(f"Set the rate first: relaypanel payment currency {currency} RATE")
        named = PaymentMethod.objects.filter(name=options["name"])
        known_id = named.values_list("pk", flat=True).first()
        terms = methods.Terms(
            name=options["name"],
            min_e8=money.parse(options["min"]),
            max_e8=money.parse(options["max"]),
            bonus_bp=_hundredths(options["bonus"]),
            currency_id=currency,
            instructions=options["instructions"],
            bank_bin=options["bank_bin"],
            bank_account=options["bank_account"],
            bank_holder=options["bank_holder"],
            gateway=options["gateway"],
            is_on=not options["off"],
        )
        method = methods.save(method_id=known_id, terms=terms, by=CONSOLE, now=clock.now())
        self.stdout.write(f"{method} is {'changed' if known_id else 'added'}.")
        if method.gateway and not method.secret_sealed:
            secret = methods.renew_secret(method)
            self.stdout.write(f"Address: {settings.PUBLIC_URL}/payments/hooks/{method.pk}")
            self.stdout.write(f"Secret: {secret}")

    def _currency(self, options: dict[str, Any]) -> None:
        code = options["code"].upper()
        if not (code.isascii() and code.isalpha() and len(code) == 3):
            raise CommandError("A currency has three letters, like VND.")
        rate_e8 = money.parse(options["rate"])
        if rate_e8 == 0:
            raise CommandError("A rate is above zero.")
        currencies.set_rate(code=code, per_unit_e8=rate_e8)
        self.stdout.write(f"1 {settings.CURRENCY} is {money.text(rate_e8)} {code}.")

    def _affiliates(self, options: dict[str, Any]) -> None:
        share_bp, basis = _hundredths(options["percent"]), Basis(options["of"])
        affiliates.set_terms(is_on=share_bp > 0, basis=basis, share_bp=share_bp, now=clock.now())
        self.stdout.write(f"Affiliates get {options['percent']} % of {basis}.")


def _named(reference: str) -> TopUp:
    wanted = TopUp.objects.filter(reference=reference.upper()).first()
    if wanted is None:
        raise CommandError(f"There is no top-up {reference}.")
    return wanted


def _decider(username: str) -> topup.Decider:
    user = users.named(username)
    return topup.Decider(staff=Actor(user_id=user.pk, address=None))


def _hundredths(percent: str) -> int:
    """Return a percentage of at most two decimals in hundredths.  Raises ValueError."""
    whole, rest = divmod(money.parse(percent), money.ONE_E8 // 100)
    if rest or whole > 10_000:
        raise ValueError("a percentage lies between 0 and 100, with at most two decimals")
    return whole
