"""The way in, and what keeps it: through the pages, as a browser without a screen sees them."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.core import mail
from django.db import connection
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import SignIn, SignInHow, User
from relaypanel.dashboard.adapters import MFAAdapter
from tests import cast
from tests.dashboard.browser import FRAME_QUERIES, PASSWORD, signed_in, with_password

SECRET = "JBSWY3DPEHPK3PXP"
NEW_PASSWORD = "another-Rare-0ne"


def member(*, app: bool = False) -> User:
    user = with_password(cast.alice().user)
    User.objects.filter(pk=user.pk).update(email="alice@example.com")
    EmailAddress.objects.create(user=user, email="alice@example.com", verified=True, primary=True)
    if app:
        request = RequestFactory().get("/")
        with context.request_context(request):
            auth.TOTP.activate(user, SECRET)
            RecoveryCodes.activate(user)
    return user


def code(secret: str = SECRET) -> str:
    """Return what an authenticator app shows now."""
    _, counter, _ = auth.yield_hotp_counters_from_time()
    return str(auth.format_hotp_value(auth.hotp_value(secret, counter)))


def log_in(client: Client, password: str = PASSWORD) -> str:
    """Return where the sign-in form leads, "" if it stays."""
    response = client.post("/account/login/", {"login": "alice", "password": password})
    return response.headers.get("Location", "")


def body_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def recorded() -> list[tuple[str, bool]]:
    return list(SignIn.objects.order_by("pk").values_list("how", "succeeded"))


@pytest.mark.django_db
class TestSignIn:
    def test_with_the_password_is_recorded(self, client: Client) -> None:
        member()

        assert log_in(client) == "/dashboard"
        assert recorded() == [(SignInHow.PASSWORD, True)]

    def test_that_fails_is_recorded_for_whoever_was_meant(self, client: Client) -> None:
        user = member()

        assert log_in(client, "wrong") == ""
        client.post("/account/login/", {"login": "nobody", "password": "wrong"})

        assert recorded() == [(SignInHow.PASSWORD, False)]
        assert "Refused" in body_of(signed_in(user), "/settings/security")

    def test_asks_for_the_code_of_the_app(self, client: Client) -> None:
        member(app=True)

        assert log_in(client) == "/account/2fa/authenticate/"
        refused = client.post("/account/2fa/authenticate/", {"code": "000000"})
        accepted = client.post("/account/2fa/authenticate/", {"code": code()})

        assert b'aria-invalid="true"' in refused.content
        assert accepted.headers["Location"] == "/dashboard"
        assert recorded() == [(SignInHow.CODE, False), (SignInHow.CODE, True)]

    def test_takes_a_recovery_code_once(self) -> None:
        user = member(app=True)
        [spare, *_] = (
            Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
            .wrap()
            .get_unused_codes()
        )

        ways = []
        for _ in range(2):
            client = Client()
            log_in(client)
            answer = client.post("/account/2fa/authenticate/", {"code": spare})
            ways.append(answer.headers.get("Location", ""))

        assert ways == ["/dashboard", ""]


@pytest.mark.django_db
class TestAuthenticatorApp:
    def test_is_turned_on_with_its_first_code_and_gives_recovery_codes(self) -> None:
        client = signed_in(member())
        page = body_of(client, "/account/2fa/totp/activate/")
        [secret] = re.findall(r'id="totp-key">(\w+)<', page)

        answer = client.post("/account/2fa/totp/activate/", {"code": code(secret)})

        codes = body_of(client, answer.headers["Location"])
        assert len(re.findall(r"^[\w>\"= -]*[0-9]{8}$", codes, re.MULTILINE)) >= 9
        assert "On. Signing in asks for its code." in body_of(client, "/settings/security")

    def test_leaves_no_secret_in_the_database(self) -> None:
        user = member(app=True)
        found = Authenticator.objects.filter(user=user)
        codes = found.get(type=Authenticator.Type.RECOVERY_CODES).wrap()
        secrets = [SECRET, MFAAdapter().decrypt(codes.instance.data["seed"])]

        with connection.cursor() as cursor:
            cursor.execute("SELECT data FROM mfa_authenticator")
            kept = " ".join(str(row) for row in cursor.fetchall())

        assert len(found) == 2
        assert all(len(secret) >= 16 and secret not in kept for secret in secrets)

    def test_is_turned_off_by_a_fresh_proof_alone(self) -> None:
        user = member(app=True)

        stale = signed_in(user, lately=False).post("/account/2fa/totp/deactivate/")
        assert Authenticator.objects.filter(user=user).exists()
        signed_in(user).post("/account/2fa/totp/deactivate/")

        assert "reauthenticate" in stale.headers["Location"]
        assert not Authenticator.objects.filter(user=user).exists()


@pytest.mark.django_db
class TestPassword:
    def test_is_chosen_anew_by_a_link_in_a_letter(self, client: Client) -> None:
        member()

        client.post("/account/password/reset/", {"email": "ALICE@example.com"})
        [letter] = mail.outbox
        [path] = re.findall(r"http://[^/]+(/account/password/reset/key/\S+)", str(letter.body))
        form = client.get(path).headers["Location"]
        client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

        assert log_in(client) == ""
        assert log_in(client, NEW_PASSWORD) == "/dashboard"
        assert "no longer works" in body_of(Client(), path)

    def test_letter_tells_nobody_whether_there_is_an_account(self, client: Client) -> None:
        member()

        answers = [
            client.post("/account/password/reset/", {"email": email}).headers["Location"]
            for email in ("alice@example.com", "nobody@example.com")
        ]

        assert len(set(answers)) == 1
        assert "no account has it" in mail.outbox[1].body

    def test_letter_comes_in_the_language_of_the_page(self, client: Client) -> None:
        member()
        client.cookies["django_language"] = "vi"

        client.post("/account/password/reset/", {"email": "alice@example.com"})

        assert "Đặt mật khẩu mới" in mail.outbox[0].subject

    def test_is_changed_by_whoever_knows_the_old_one(self) -> None:
        client = signed_in(member())
        form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

        client.post("/account/password/change/", form | {"oldpassword": "wrong"})
        assert log_in(Client(), NEW_PASSWORD) == ""
        client.post("/account/password/change/", form)

        assert log_in(Client(), NEW_PASSWORD) == "/dashboard"


ENGLISH = ("Sign in", "Password", "Confirm", "Code", "Save", "E-mail:", "Change", "Two-Factor")
PUBLIC = (
    *("/account/login/", "/account/signup/", "/account/inactive/", "/account/confirm-email/"),
    *("/account/password/reset/", "/account/password/reset/done/"),
    *("/account/password/reset/key/1-bad/", "/account/password/reset/key/done/"),
    "/account/confirm-email/bad/",
)
OWN = (
    *("/account/logout/", "/account/email/", "/account/password/change/", "/account/sessions/"),
    *("/account/reauthenticate/", "/account/2fa/totp/activate/", "/account/2fa/webauthn/"),
    *("/account/2fa/webauthn/add/", "/settings/security", "/settings/security/history"),
)
WITH_APP = (
    *("/account/2fa/totp/deactivate/", "/account/2fa/recovery-codes/"),
    *("/account/2fa/recovery-codes/generate/", "/account/2fa/reauthenticate/"),
)


def left_in_english(body: str) -> list[str]:
    main = body.partition("<main")[2].partition("</main")[0]
    text = re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", " ", main, flags=re.DOTALL))
    return [word for word in ENGLISH if word in text]


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize("path", PUBLIC)
    def test_for_visitors_speak_our_words(self, client: Client, path: str) -> None:
        client.cookies["django_language"] = "vi"

        assert left_in_english(body_of(client, path)) == []

    @pytest.mark.parametrize("path", [*OWN, *WITH_APP])
    def test_for_users_speak_our_words(self, path: str) -> None:
        client = signed_in(member(app=path in WITH_APP))
        client.cookies["django_language"] = "vi"

        assert left_in_english(body_of(client, path)) == []

    def test_of_allauth_lead_to_ours(self) -> None:
        response = signed_in(member()).get("/account/2fa/")

        assert response.headers["Location"] == "/settings/security"

    @pytest.mark.parametrize("path", OWN)
    def test_are_for_nobody_else(self, client: Client, path: str) -> None:
        assert client.get(path).status_code == 302


@pytest.mark.django_db
class TestOverview:
    def test_costs_few_queries(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        client = signed_in(member(app=True))
        client.get("/settings/security")

        with django_assert_num_queries(FRAME_QUERIES + 4):
            client.get("/settings/security")

    def test_shows_nothing_of_others(self) -> None:
        member(app=True)
        log_in(Client(), "wrong")

        body = body_of(signed_in(cast.bob().user), "/settings/security")

        assert "Refused" not in body
        assert "On. Signing in asks for its code." not in body
