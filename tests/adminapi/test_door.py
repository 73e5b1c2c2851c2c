from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from relaypanel import clock
from relaypanel.accounts import admin_keys, throttle, users
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AdminKey, Scope
from relaypanel.adminapi import routes
from tests import cast
from tests.adminapi.client import NOT_FOUND, Bot, everything, owner, refusal

pytestmark = pytest.mark.django_db

BAD_KEY = refusal(101, "Bad API key.")


@pytest.fixture(autouse=True)
def _forgets() -> None:
    throttle.forget()


def send(method: str, path: str, body: bytes, **headers: Any) -> tuple[int, Any]:
    response = Client().generic(method, f"/adminapi/v2{path}", body, **headers)
    return response.status_code, json.loads(response.content)


class TestKey:
    def test_is_needed_and_told_from_nothing(self) -> None:
        bot = Bot()
        revoked = Bot()
        admin_keys.revoke(revoked.key.pk, by=CONSOLE, now=cast.NOW)

        for text in ("", "so", "0" * 64, revoked.text, bot.text.upper(), cast.alice().api_key):
            said = send("GET", "/orders", b"", headers={"X-Api-Key": text})
            assert said == (200, BAD_KEY)
        assert send("GET", "/orders", b"") == (200, BAD_KEY)
        assert send("GET", "/nothing", b"") == (200, BAD_KEY)

    def test_opens_nothing_for_somebody_who_is_shut_out(self) -> None:
        bot = Bot()
        users.suspend(owner())

        assert bot.get("/orders") == BAD_KEY

    def test_notes_when_and_from_where_it_was_used(self) -> None:
        bot = Bot()

        bot.get("/orders")

        key = AdminKey.objects.get()
        assert (key.last_used_at is not None, key.last_used_from) == (True, "127.0.0.1")


class TestScopes:
    @pytest.mark.parametrize("route", routes.ROUTES, ids=lambda r: f"{r.method} {r.path}")
    def test_close_every_route_to_a_key_without_its_own(self, route: routes.Route) -> None:
        others = [scope for scope in Scope if scope != route.scope]
        bot = Bot(*others)
        before = everything()

        told = bot.call(route.method, route.path.replace("{id}", "1"), {})

        assert told == refusal(102, f"This key lacks the scope {route.scope}.")
        assert everything() == before

    @pytest.mark.parametrize("route", routes.ROUTES, ids=lambda r: f"{r.method} {r.path}")
    def test_open_every_route_to_a_key_with_it(self, route: routes.Route) -> None:
        told = Bot(route.scope).call(route.method, route.path.replace("{id}", "1"), {})

        assert told["error_code"] in (0, 100, 103)


class TestAnswer:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/nothing"),
            ("POST", "/orders"),
            ("DELETE", "/orders/1"),
            ("GET", "/orders/01"),
            ("GET", "/orders/" + "9" * 19),
            ("GET", "/orders/x"),
            ("GET", "/orders/add"),
        ],
    )
    def test_is_the_markets_own_for_what_is_not_there(self, method: str, path: str) -> None:
        assert Bot().call(method, path, {}) == NOT_FOUND

    def test_takes_a_form_and_a_slash_at_the_end(self) -> None:
        bot = Bot()
        body = b"username=nobody&amount=1"
        headers = {"X-Api-Key": bot.text}
        form = "application/x-www-form-urlencoded"

        said = send("POST", "/payments/add/", body, content_type=form, headers=headers)

        assert said == (200, refusal(103, "There is no such user."))

    @pytest.mark.parametrize(
        "body", [b"[]", b"{", b"1", b"\xff", b'"so"', b"[" * 5000, b"x" * 3_000_000]
    )
    def test_refuses_a_body_that_is_no_object(self, body: bytes) -> None:
        headers = {"X-Api-Key": Bot().text}

        said = send("POST", "/users/add", body, content_type="application/json", headers=headers)

        assert said == (200, refusal(103, "The body is neither a JSON object nor a form."))

    def test_refuses_a_name_for_the_call_that_is_too_long(self) -> None:
        headers = {"Idempotency-Key": "x" * 61}

        assert Bot().post("/payments/add", headers=headers) == refusal(
            103, "Bad or missing field: Idempotency-Key."
        )

    def test_is_a_fault_of_ours_without_a_word_of_it(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        headers = {"X-Api-Key": Bot().text}
        monkeypatch.setattr(routes, "find", lambda *_: 1 / 0)

        said = send("GET", "/orders", b"", headers=headers)

        assert said == (500, refusal(500, "Something broke here. Try again later."))
        assert Bot().text not in caplog.text


class TestPace:
    def test_is_five_calls_a_second(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.API_CALLS_PER_MINUTE = 6000
        # All at once, however long they take here.
        monkeypatch.setattr(clock, "monotonic", lambda: 1_000.0)
        bot = Bot()

        told = [bot.get("/tickets")["error_code"] for _ in range(throttle.ADMIN_BURST + 3)]

        assert 105 in told
        assert bot.get("/orders") == refusal(105, "Too many requests.")
