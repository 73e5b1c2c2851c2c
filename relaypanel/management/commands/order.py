from __future__ import annotations

import argparse
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relaypanel import clock, errors, money
from relaypanel.orders import schedules, staff, unconfirmed
from relaypanel.orders.models import DripFeed, Order, Status
from relaypanel.orders.unconfirmed import Waiting

Run = Callable[[dict[str, Any]], None]


class Command(BaseCommand):
    help = "Move orders by hand, and look after drip-feeds and those that nobody answered for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        move = commands.add_parser("set-status", help="set the status of orders done by hand")
        move.add_argument("ids", nargs="+", type=int, metavar="ID")
        move.add_argument("status", type=_status, metavar="STATUS", help=", ".join(Status.values))
        move.add_argument("--remains", type=int, help="what was not delivered, for a partial end")
        move.set_defaults(run=self._set_statuses)
        release = commands.add_parser("release", help="send a held order after all")
        release.add_argument("id", type=int, metavar="ORDER")
        release.add_argument("--reason", default="", help="why you know that nobody has it")
        release.set_defaults(run=self._release)
        about = "drip-feeds: their runs to come"
        _add_verbs(
            commands.add_parser("drip-feed", help=about, description=about),
            ("pause", self._pause, "make no run until it is resumed"),
            ("resume", self._resume, "go on: a run whose time has passed comes at once"),
            ("stop", self._stop, "make no run any more, and give back what they cost"),
        )
        about = "orders that a provider may have taken without telling"
        self._add_unconfirmed(commands.add_parser("unconfirmed", help=about, description=about))

    def handle(self, *_args: Any, **options: Any) -> None:
        options["run"](options)

    def _add_unconfirmed(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(title="what to do", required=True)

        def verb(name: str, run: Run, about: str) -> ArgumentParser:
            added = verbs.add_parser(name, help=about, description=about)
            added.set_defaults(run=run)
            return added

        verb("list", self._list, "print them, and why they are still open")
        attach = verb("attach", self._attach, "say which order upstream it is")
        requeue = verb(
            "requeue", self._requeue, "send it again: on proof, or for a reason of yours"
        )
        refund = verb("refund", self._refund, "cancel it and give everything back")
        for added in (attach, requeue, refund):
            added.add_argument("id", type=int, metavar="ORDER")
        attach.add_argument("upstream_id", metavar="UPSTREAM_ID")
        requeue.add_argument(
            "--reason", default="", help="why you know that nobody upstream has it"
        )

    def _set_statuses(self, options: dict[str, Any]) -> None:
        refusals = [
            self._set_status(order_id, options["status"], options["remains"])
            for order_id in options["ids"]
        ]
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

    def _release(self, options: dict[str, Any]) -> None:
        self._decide(
            lambda now: staff.release(order_id=options["id"], reason=options["reason"], now=now)
        )

    def _pause(self, options: dict[str, Any]) -> None:
        self._switch(schedules.pause, options["id"])

    def _resume(self, options: dict[str, Any]) -> None:
        self._switch(schedules.resume, options["id"])

    def _stop(self, options: dict[str, Any]) -> None:
        self._switch(schedules.stop, options["id"])

    def _switch(self, act: Callable[..., None], order_id: int) -> None:
        try:
            act(schedules.parent(order_id), now=clock.of_database())
        except errors.Refused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"drip-feed {order_id} is {DripFeed.objects.get(pk=order_id).state}")

    def _list(self, _options: dict[str, Any]) -> None:
        now = clock.of_database()
        for waiting in unconfirmed.waiting():
            self.stdout.write(_line(waiting, now))

    def _attach(self, options: dict[str, Any]) -> None:
        self._decide(
            lambda now: unconfirmed.attach(
                order_id=options["id"], upstream_id=options["upstream_id"], now=now
            )
        )

    def _requeue(self, options: dict[str, Any]) -> None:
        self._decide(
            lambda now: unconfirmed.requeue(
                order_id=options["id"], reason=options["reason"], now=now
            )
        )

    def _refund(self, options: dict[str, Any]) -> None:
        self._decide(lambda now: unconfirmed.refund_order(order_id=options["id"], now=now))

    def _decide(self, act: Callable[[datetime], Order]) -> None:
        try:
            order = act(clock.of_database())
        except (errors.Refused, errors.ProviderError) as failure:
            raise CommandError(str(failure)) from None
        self.stdout.write(f"order {order.pk} is {order.status}")


def _add_verbs(parser: ArgumentParser, *verbs: tuple[str, Run, str]) -> None:
    added = parser.add_subparsers(title="what to do", required=True)
    for name, run, about in verbs:
        verb = added.add_parser(name, help=about, description=about)
        verb.add_argument("id", type=int, metavar="ORDER")
        verb.set_defaults(run=run)


def _status(text: str) -> Status:
    """Read a status as we write it or as the wire does: in_progress, "In progress"."""
    try:
        return Status(text.strip().lower().replace(" ", "_"))
    except ValueError:
        words = ", ".join(Status.values)
        raise argparse.ArgumentTypeError(f"{text!r} is no status: write one of {words}") from None


def _line(waiting: Waiting, now: datetime) -> str:
    order = waiting.order
    settled_at = waiting.settled_at
    is_settled = settled_at is None or settled_at < now
    state = "open" if is_settled else f"wait until {settled_at:%H:%M:%S} UTC"
    return (
        f"{order.pk}  {state}  {waiting.provider}  sent {waiting.sent_at:%Y-%m-%d %H:%M:%S}  "
        f"{order.quantity} for {money.text(order.charge_e8)}  {order.link}  {waiting.why}"
    )
