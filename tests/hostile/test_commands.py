"""R10 on the command line: whatever is typed, the answer is words and no traceback."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import BaseCommand, CommandError, load_command_class
from django.db import transaction

from relaypanel import __main__
from tests import cast
from tests.hostile import planted
from tests.hostile.forms import WRONG
from tests.hostile.size import of, tell

# The others run until they are ended, or ask for whole files.
COMMANDS = (
    *("adminkey", "audit", "catalogue", "createstaff", "metrics", "order", "payment", "provider"),
    *("rekey", "user"),
)
# What is typed for the arguments beside the one that is wrong.
GOOD = {
    "amount": "1",
    "email": "new@example.com",
    "name": "alice",
    "reason": "because",
    "status": "completed",
    "url": "https://example.com/api/v2",
    "username": "alice",
}
# What every command of Django takes.
DJANGOS = {it.dest for it in BaseCommand().create_parser("", "")._actions}


@pytest.fixture(autouse=True)
def _shop(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.provider()
    planted.belongings(cast.alice(balance="100").user, cast.service(), text="hers")
    monkeypatch.setattr(sys, "stdin", io.StringIO())


class TestCommands:
    def test_answer_whatever_is_typed(self) -> None:
        told, asked = [], 0
        for name in COMMANDS:
            command = load_command_class("relaypanel", name)
            for typed in strange(command.create_parser("relaypanel", name)):
                asked += 1
                if (error := failure(command, name, typed)) is not None:
                    told.append(f"{name} {[it[:30] for it in typed]}: {error!r}"[:300])
        tell(f"R10 commands: {asked} lines, failures {len(told)}")
        assert not told, "\n".join(told)

    def test_fail_where_nothing_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        command = load_command_class("relaypanel", "provider")
        monkeypatch.setattr(__main__, "explain", lambda _: None)

        assert failure(command, "provider", ["pause", "\udcff"])


def strange(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    """Yield lines with one argument after the other wrong, of each command below this one."""
    place = 0
    for path, leaf in _leaves(parser):
        arguments = [it for it in leaf._actions if it.dest not in DJANGOS]
        needed = {it.dest: _good(it) for it in arguments if it.required}
        yield [*path, *_typed(arguments, needed)]
        for argument in arguments:
            place += 1
            values = of(short=WRONG[place % len(WRONG) :][:1], full=WRONG)
            for value in values if argument.nargs != 0 else [""]:
                # No argument holds a NUL, and what is no UTF-8 comes as this.
                typed = value.replace("\0", "").replace("\ud800", "\udcff")
                yield [*path, *_typed(arguments, needed | {argument.dest: typed})]


def failure(command: BaseCommand, name: str, typed: list[str]) -> Exception | None:
    """Return the error that is no answer, if there is one; what was done is undone."""
    try:
        with transaction.atomic():
            try:
                told = vars(command.create_parser("relaypanel", name).parse_args(typed))
                command.execute(*told.pop("args", ()), **told, stdout=io.StringIO())
            finally:
                transaction.set_rollback(True)
    except (CommandError, SystemExit):
        return None
    except Exception as error:  # noqa: BLE001  it is what is looked for
        # A provider would have been called, from where nothing may be.
        is_kept_in = "A test tried to use socket" in str(error)
        return None if is_kept_in or __main__.explain(error) else error
    return None


def _leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    below = [it for it in parser._actions if isinstance(it, argparse._SubParsersAction)]
    if not below:
        yield path, parser
    for verbs in below:
        for name, leaf in verbs.choices.items():
            yield from _leaves(leaf, (*path, name))


def _good(argument: argparse.Action) -> str:
    return str(next(iter(argument.choices))) if argument.choices else GOOD.get(argument.dest, "1")


def _typed(arguments: list[argparse.Action], values: dict[str, Any]) -> list[str]:
    typed = []
    for argument in arguments:
        if argument.dest not in values:
            continue
        value, option = values[argument.dest], argument.option_strings[-1:]
        if not option:
            typed.append(value)
        else:
            typed += option if argument.nargs == 0 else [f"{option[0]}={value}"]
    return typed
