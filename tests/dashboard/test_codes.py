from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.internal import auth
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory

from relaypanel.accounts.models import User
from relaypanel.dashboard.codes import AgainCode, SignInCode
from tests import cast

SECRET = "JBSWY3DPEHPK3PXP"


def code() -> str:
    """Return the code that an authenticator app shows now."""
    _, counter, _ = auth.yield_hotp_counters_from_time()
    return str(auth.format_hotp_value(auth.hotp_value(SECRET, counter)))


def opens(form: type[AuthenticateForm], user: User, text: str) -> bool:
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.9")
    request.user = AnonymousUser()
    with context.request_context(request):
        return bool(form(user=user, data={"code": text}).is_valid())


@pytest.fixture
def user() -> User:
    alice = cast.alice().user
    with context.request_context(RequestFactory().get("/")):
        auth.TOTP.activate(alice, SECRET)
    return alice


def forget_as_allauth_does(user: User, text: str) -> None:
    """Do what time does 30 seconds after a code was used."""
    assert cache.delete(f"allauth.mfa.totp.used?user={user.pk}&code={text}")


@pytest.mark.django_db
class TestCode:
    def test_opens_once(self, user: User) -> None:
        text = code()

        assert opens(SignInCode, user, text)
        assert not opens(SignInCode, user, text)

    def test_opens_once_for_as_long_as_it_is_good(self, user: User) -> None:
        text = code()
        assert opens(SignInCode, user, text)
        forget_as_allauth_does(user, text)

        assert not opens(SignInCode, user, f"{text[:3]}-{text[3:]}")
        assert not opens(AgainCode, user, text)

    def test_opens_twice_by_allauth_alone(self, user: User) -> None:
        """The twin: what allauth forgets after 30 seconds is good for another 30."""
        text = code()
        assert opens(AuthenticateForm, user, text)
        forget_as_allauth_does(user, text)

        assert opens(AuthenticateForm, user, text)

    def test_is_refused_when_it_is_wrong(self, user: User) -> None:
        assert not opens(SignInCode, user, "000000" if code() != "000000" else "000001")


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_lets_one_of_twenty_in(self) -> None:
        alice = cast.alice().user
        with context.request_context(RequestFactory().get("/")):
            auth.TOTP.activate(alice, SECRET)
        text, start = code(), threading.Barrier(20)

        def bring(_: int) -> bool:
            start.wait(30)
            try:
                return opens(SignInCode, alice, text)
            finally:
                connection.close()

        with ThreadPoolExecutor(20) as pool:
            let_in = list(pool.map(bring, range(20)))

        assert let_in.count(True) == 1
