from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from relaypanel import clock, money
from relaypanel.accounts import keys, networks, throttle, users
from relaypanel.accounts.models import Role
from relaypanel.errors import Refused
from relaypanel.ledger import book, chart, members
from relaypanel.ledger.models import Code

# With its "deposit:" in front it has to fit the ledger's key of 120 characters.
_REFERENCE_CHARACTERS_MAX = 100


class Command(BaseCommand):
    help = "Look after one user: create, key, suspend, resume, networks, limit, deposit, balance."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Callable[[dict[str, Any]], None], about: str) -> CommandParser:
            added: CommandParser = verbs.add_parser(name, help=about, description=about)
            added.add_argument("name", metavar="NAME")
            added.set_defaults(run=run)
            return added

        create = verb("create", self._create, "create a customer and print the API key")
        create.add_argument(
            "--password-stdin",
            action="store_true",
            help="read a password from the first line of standard input; without it, API only",
        )
        verb("key", self._key, "issue a new API key and print it; the old one is dead at once")
        verb("suspend", self._suspend, "shut the user out of the pages and the API")
        verb("resume", self._resume, "let a suspended user back in")
        listed = verb("networks", self._networks, "show or set where the API key may be used from")
        listed.add_argument(
            "--set", metavar="FILE", help="take the list from FILE, or from standard input: -"
        )
        limit = verb("limit", self._limit, "show or set how often the user may call the API")
        limit.add_argument(
            "--set",
            metavar="CALLS",
            help="calls in a minute; none: any number, default: as for everybody",
        )
        deposit = verb("deposit", self._deposit, "add money to the balance")
        deposit.add_argument("amount", metavar="AMOUNT")
        deposit.add_argument(
            "--reference",
            required=True,
            metavar="TEXT",
            help="what the payment is known by; the same reference never pays twice",
        )
        verb("balance", self._balance, "print the balance")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refused:
            raise CommandError(str(refused)) from None

    def _create(self, options: dict[str, Any]) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None
        member = members.enrol(
            username=options["name"], password=password, role=Role.CUSTOMER, now=clock.now()
        )
        self.stdout.write(f"Created {member.user}.\nAPI key: {member.api_key}")

    def _key(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        key = keys.issue(user, now=clock.now())
        self.stdout.write(f"{user} has a new API key; the old one is dead.\nAPI key: {key}")

    def _suspend(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        users.suspend(user)
        self.stdout.write(f"{user} is suspended: no pages, no API.")

    def _resume(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        users.resume(user)
        self.stdout.write(f"{user} may use the pages and the API again.")

    def _networks(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        if options["set"] is not None:
            networks.save(user, _read(options["set"]))
        self.stdout.write(user.api_networks or f"{user} may use the API from all addresses.")

    def _limit(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        if options["set"] is not None:
            throttle.set_limit(user, _calls(options["set"]))
        calls = user.api_calls_per_minute
        if calls is None:
            self.stdout.write(f"{user} may call the API as often as everybody.")
        else:
            self.stdout.write(f"{user} may call the API {calls or 'any number of'} times a minute.")

    def _deposit(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        amount_e8 = _amount_e8(options["amount"])
        reference = _reference(options["reference"])
        posting = book.Posting(
            key=f"deposit:{reference}",
            debit=chart.CASH,
            credit=chart.customer(user.pk),
            amount_e8=amount_e8,
            code=Code.DEPOSIT,
        )
        amount = f"{money.text(amount_e8)} {settings.CURRENCY}"
        if _post(posting, reference):
            self.stdout.write(f"{user} paid {amount}; the balance is {_balance_text(user.pk)}.")
        else:
            self.stdout.write(
                f'{user} already paid {amount} by "{reference}"; nothing was added, '
                f"the balance is {_balance_text(user.pk)}."
            )

    def _balance(self, options: dict[str, Any]) -> None:
        user = users.named(options["name"])
        self.stdout.write(_balance_text(user.pk))


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read {file}: {error}") from None


def _calls(text: str) -> int | None:
    words: dict[str, int | None] = {"none": 0, "default": None}
    if text in words:
        return words[text]
    if not re.fullmatch(r"[1-9][0-9]{0,7}", text):
        raise CommandError(f"Cannot set {text!r}: write a number of calls, none or default.")
    return int(text)


def _amount_e8(text: str) -> int:
    try:
        amount_e8 = money.parse(text)
    except ValueError as error:
        raise CommandError(f"Cannot deposit {text!r}: {error}.") from None
    if amount_e8 == 0:
        raise CommandError("A deposit is more than 0.")
    return amount_e8


def _reference(text: str) -> str:
    reference = text.strip()
    if not 1 <= len(reference) <= _REFERENCE_CHARACTERS_MAX or not reference.isprintable():
        raise CommandError(
            f"A reference is 1 to {_REFERENCE_CHARACTERS_MAX} printable characters on one line."
        )
    return reference


def _post(posting: book.Posting, reference: str) -> bool:
    try:
        return book.post(posting, now=clock.now())
    except book.KeyReused:
        # The key is a person's word here, so using it twice is a slip and not a bug.
        raise CommandError(
            f'"{reference}" is the reference of another deposit; nothing was added.'
        ) from None


def _balance_text(user_id: int) -> str:
    return f"{money.text(book.balance(user_id))} {settings.CURRENCY}"
