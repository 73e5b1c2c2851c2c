from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.utils import translation
from django.utils.module_loading import import_string
from pytest_django import Settings

from relaypanel.dashboard.account_forms import SecondPasskey
from tests import cast
from tests.dashboard.browser import PASSWORD, signed_in, with_password


@pytest.mark.django_db
class TestForms:
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/account/login/", ["Username or e-mail", "Password"]),
            ("/account/signup/", ["Username", "E-mail", "At least 8 characters"]),
        ],
    )
    def test_speak_in_our_words(self, client: Client, path: str, words: list[str]) -> None:
        body = client.get(path).content.decode()

        assert all(word in body for word in words)
        # A label says it; a placeholder goes away when somebody types.
        assert "placeholder" not in body

    def test_speak_vietnamese(self, client: Client) -> None:
        with translation.override("vi"):
            client.cookies["django_language"] = "vi"

            assert "Tên đăng nhập hoặc e-mail" in client.get("/account/login/").content.decode()


# As browsers say it, of a key that nobody has.
TOLD: dict[str, Any] = {
    "id": "AAAA",
    "rawId": "AAAA",
    "type": "public-key",
    "clientExtensionResults": {},
    "response": {
        "clientDataJSON": "e30",
        "authenticatorData": "A" * 60,
        "attestationObject": "oA",
        "signature": "AAAA",
        "userHandle": "MQ",
    },
}
GARBLED: tuple[Any, ...] = (
    None,
    0,
    -1,
    True,
    "",
    "!",
    "A",
    "AAAA",
    "gWE",
    "_____w",
    [],
    [1],
    {},
    {"a": 1},
    "9" * 99,
)
CREDENTIALS = (
    *("", "x", "9" * 5000, "[" * 70_000, "[]", "null", "{}"),
    json.dumps(TOLD),
    *(json.dumps(TOLD | {name: value}) for name in TOLD for value in GARBLED),
    *(
        json.dumps(TOLD | {"response": TOLD["response"] | {name: value}})
        for name in TOLD["response"]
        for value in GARBLED
    ),
    *(json.dumps({k: v for k, v in TOLD.items() if k != name}) for name in TOLD),
    *(
        json.dumps(TOLD | {"response": {k: v for k, v in TOLD["response"].items() if k != name}})
        for name in TOLD["response"]
    ),
)


@pytest.fixture
def unlimited(settings: Settings) -> None:
    """Nobody is turned away for having tried too often."""
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = False


@pytest.mark.django_db
@pytest.mark.usefixtures("unlimited")
class TestPasskeys:
    def test_open_nothing_by_what_is_no_credential(self, client: Client) -> None:
        cast.alice()

        for credential in CREDENTIALS:
            client.get("/account/2fa/webauthn/login/")
            client.post("/account/2fa/webauthn/login/", {"credential": credential})

            assert "_auth_user_id" not in client.session

    def test_are_no_second_factor_by_what_is_no_credential(self, client: Client) -> None:
        alice = with_password(cast.alice().user)
        TOTP.activate(alice, "A" * 32)
        client.post("/account/login/", {"login": alice.username, "password": PASSWORD})

        for credential in CREDENTIALS:
            client.post("/account/2fa/authenticate/", {"credential": credential})

            assert "_auth_user_id" not in client.session

    def test_are_not_added_by_what_is_no_credential(self) -> None:
        browser = signed_in(cast.alice().user)

        for credential in CREDENTIALS:
            browser.get("/account/2fa/webauthn/add/")
            browser.post("/account/2fa/webauthn/add/", {"name": "key", "credential": credential})

            assert not Authenticator.objects.exists()

    def test_are_read_alike_wherever_they_prove_something(self, settings: Settings) -> None:
        names = ("login_webauthn", "authenticate_webauthn", "reauthenticate_webauthn")

        assert all(issubclass(import_string(settings.MFA_FORMS[it]), SecondPasskey) for it in names)
