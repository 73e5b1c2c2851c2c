"""R10 on the admin API: whatever a call says, the answer is an envelope, and no fault of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from relaypanel import adminapi
from relaypanel.accounts import throttle
from relaypanel.adminapi import fields, routes
from relaypanel.adminapi.routes import Route
from tests import cast
from tests.adminapi.client import Bot
from tests.hostile import forms, planted
from tests.hostile.size import of, tell

# What every route takes, as far as it takes it at all.
GOOD = {
    "order_id": 1,
    "id": planted.NUMBER,
    "status": "completed",
    "remains": 1,
    "link": "https://example.com/new",
    "amount": "1",
    "username": "alice",
    "subject": "Hello",
    "message": "Hello",
    "email": "new@example.com",
    "password": "correct horse battery",
}
# What a form cannot say, and JSON can.
ODD: tuple[Any, ...] = (
    *(None, True, 1.5, 10**30, -1, [], [[]], [1, None], ["9" * 5_000], list(range(1_000))),
    *({}, {"value": []}, {"value": "9" * 5_000}, {"a": 1}),
)
BODIES = (
    *(b"", b"9", b"9" * 5_000, b"null", b"[" * 70_000, b'{"a":' * 70_000, b"\xff", b'{"a": 1,}'),
    *(b'{"order_id": %s}' % (b"9" * 5_000), b'{"amount": 1e999999999}', b'{"link": "\\ud800"}'),
)
_READS = re.compile(r"(?:fields\.\w+|_choice|Bad\w+)\(([^()]*)\)")


@pytest.fixture
def bot(db: None) -> Bot:
    alice = cast.alice(balance="100").user
    planted.belongings(alice, cast.service(cancel=True, refill_days=30), text="hers")
    return Bot()


class TestEveryRoute:
    def test_answers_whatever_a_call_says(self, bot: Bot) -> None:
        told, asked = [], 0
        for route in routes.ROUTES:
            calls = list(strange(route))
            told += [f"{route.path} {it[:80]!r}" for it in calls if not is_envelope(bot, route, it)]
            asked += len(calls)
        tell(f"R10 admin API: {len(routes.ROUTES)} routes, {asked} calls, faults {len(told)}")
        assert not told, "\n".join(told)

    def test_fails_where_numbers_are_read_as_python_does(
        self, bot: Bot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fields.Fields, "number", lambda self, name: int(self._values[name]))
        (route,) = (it for it in routes.ROUTES if it.path == "/orders/cancel")

        assert not is_envelope(bot, route, b'{"order_id": "%s"}' % (b"9" * 5_000))


def strange(route: Route) -> Iterator[bytes]:
    """Yield bodies, or queries, with one field after the other wrong."""
    for place, name in enumerate(names_read()):
        wrong = (*forms.WRONG, *ODD)
        for value in wrong if of(short=False, full=True) else [wrong[place % len(wrong)]]:
            if route.method == "POST":
                yield json.dumps(GOOD | {name: value}).encode()
            else:
                yield forms.encoded({name: str(value)}).encode()
    if route.method == "POST":
        yield from BODIES


def names_read() -> list[str]:
    """Return the names of all fields that any route reads."""
    texts = [file.read_text() for file in Path(adminapi.__path__[0]).glob("*.py")]
    lists = [told for text in texts for told in _READS.findall(text)]
    return sorted({name for told in lists for name in re.findall(r'"(\w+)"', told)})


def is_envelope(bot: Bot, route: Route, said: bytes) -> bool:
    """Tell whether the call gets an answer in the API's form; what it did is undone."""
    throttle.forget()
    path = "/adminapi/v2" + route.path.replace("{id}", str(planted.NUMBER))
    if route.method == "GET":
        path, said = f"{path}?{said.decode()}", b""
    with transaction.atomic():
        reply = Client().generic(
            route.method,
            path,
            said,
            content_type="application/json",
            headers={"X-Api-Key": bot.text},
        )
        transaction.set_rollback(True)
    return reply.status_code == 200 and {"data", "error_code"} <= reply.json().keys()
