from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relaypanel import clock, errors
from relaypanel.orders import staff
from relaypanel.orders.models import Status


class Command(BaseCommand):
    help = "Move orders by hand."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        move = commands.add_parser("set-status", help="set the status of orders done by hand")
        move.add_argument("ids", nargs="+", type=int, metavar="ID")
        move.add_argument("status", type=_status, metavar="STATUS", help=", ".join(Status.values))
        move.add_argument("--remains", type=int, help="what was not delivered, for a partial end")

    def handle(self, *, ids: list[int], status: Status, remains: int | None, **_: Any) -> None:
        refusals = [self._set_status(order_id, status, remains) for order_id in ids]
        failed = [refusal for refusal in refusals if refusal]
        if failed:
            raise CommandError("\n".join(failed))

    def _set_status(self, order_id: int, status: Status, remains: int | None) -> str:
        """Return why it could not be done, or nothing."""
        try:
            order = staff.set_status(order_id=order_id, to=status, remains=remains, now=clock.now())
        except errors.Refused as refusal:
            return str(refusal)
        self.stdout.write(f"order {order.pk} is {order.status}")
        return ""


def _status(text: str) -> Status:
    """Read a status as we write it or as the wire does: in_progress, "In progress"."""
    return Status(text.strip().lower().replace(" ", "_"))
