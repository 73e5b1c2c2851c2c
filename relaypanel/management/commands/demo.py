from __future__ import annotations

import argparse
import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relaypanel import clock, demo, errors, money


class Command(BaseCommand):
    help = "Fill a demo shop, or bring it back in shape, and print its people and their keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--balance", type=_amount, default=demo.BALANCE_E8)
        parser.add_argument("--other-balance", type=_amount, default=demo.OTHER_BALANCE_E8)

    def handle(self, *, balance: int, other_balance: int, **options: Any) -> None:
        try:
            people = demo.fill(balance_e8=balance, other_balance_e8=other_balance, now=clock.now())
        except errors.Refused as refusal:
            raise CommandError(str(refusal)) from None
        parts = {part: asdict(person) for part, person in people.items()}
        if options["json"]:
            print(json.dumps({"api_path": demo.API_PATH} | parts))
            return
        for part, person in parts.items():
            print(part, *(f"{name}={text}" for name, text in person.items()))


def _amount(text: str) -> int:
    try:
        return money.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
