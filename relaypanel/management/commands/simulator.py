"""`relaypanel simulator`: the simulated upstream panel, alone."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from relaypanel.simulator import control, intake, server


class Command(BaseCommand):
    help = "Run a simulated upstream panel that speaks API v2 and keeps everything in memory."
    # It has no tables and serves no pages: nothing of the panel needs to be in order.

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=_port, default=8099, help="0 takes any free one")
        parser.add_argument("--speed", type=_speed, default=1.0, help="2: twice as fast")
        parser.add_argument("--key", help="take this API key only; without it any key will do")
        parser.add_argument("--first-id", type=_id, help="the ID of the first order")

    def handle(self, *_: object, **options: Any) -> None:
        server.main(
            host=options["host"],
            port=options["port"],
            speed=options["speed"],
            key=options["key"],
            first_id=options["first_id"],
        )


def _port(text: str) -> int:
    port = intake.whole_number(text)
    if port is None or port > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0 < speed <= control.SPEED_MAX:
        raise argparse.ArgumentTypeError(f"say a number above 0, at most {control.SPEED_MAX}")
    return speed


def _id(text: str) -> int:
    number = intake.whole_number(text)
    if not number:
        raise argparse.ArgumentTypeError("an ID is a whole number from 1 on")
    return number
