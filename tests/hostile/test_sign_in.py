"""R22: guessing costs the guesser, and no address changes anything without a token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import path as url_path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from relaypanel import urls
from relaypanel.accounts.models import User
from relaypanel.accounts.passwords import Argon2
from tests import cast
from tests.dashboard.browser import signed_in, with_password
from tests.hostile import walk
from tests.hostile.size import of, tell

GUESSES = of(short=25, full=1_000)
HASHED_MAX = 10
# What programs call: they have keys and signatures instead of cookies, which a token protects.
FOR_PROGRAMS = ("relaypanel.adminapi", "relaypanel.dashboard.gateway")


class CountingHasher(Argon2):
    """Cheap, so that a thousand are hashed in a moment where nothing stops them."""

    memory_cost, time_cost = 8, 1
    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        type(self).hashed += 1
        return super().verify(password, encoded)


@pytest.fixture(autouse=True)
def hasher(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_password("warm")
    CountingHasher.hashed = 0


def guess(user: User, address: Callable[[int], str]) -> int:
    """Guess again and again; return how many passwords were hashed."""
    CountingHasher.hashed = 0
    for number in range(GUESSES):
        Client(REMOTE_ADDR=address(number)).post(
            "/account/login/", {"login": user.username, "password": f"guess {number}"}
        )
    return CountingHasher.hashed


@pytest.mark.django_db
class TestGuesses:
    def test_are_stopped_before_a_password_is_hashed(self) -> None:
        alice = with_password(cast.alice().user)

        one = guess(alice, lambda _: "203.0.113.9")

        tell(f"R22 guesses: {GUESSES} from one address, passwords hashed {one}")
        assert 0 < one <= HASHED_MAX

    def test_are_stopped_from_a_thousand_addresses(self) -> None:
        alice = with_password(cast.alice().user)

        many = guess(alice, lambda number: f"203.0.{number // 250}.{number % 250 + 1}")

        tell(f"R22 guesses: {GUESSES} from as many addresses, passwords hashed {many}")
        assert 0 < many <= HASHED_MAX

    def test_are_stopped_where_a_key_is_shown(self) -> None:
        browser = signed_in(with_password(cast.alice().user), lately=False)
        CountingHasher.hashed = 0
        for number in range(GUESSES):
            browser.post("/account/reauthenticate/", {"password": f"guess {number}"})

        tell(f"R22 guesses before a key: {GUESSES}, passwords hashed {CountingHasher.hashed}")
        assert 0 < CountingHasher.hashed <= HASHED_MAX

    def test_are_all_hashed_where_nothing_counts(self, settings: Settings) -> None:
        """The twin: no limits."""
        settings.ACCOUNT_RATE_LIMITS = False
        alice = with_password(cast.alice().user)

        hashed = guess(alice, lambda _: "203.0.113.9")

        tell(f"R22 twin, no limits: passwords hashed {hashed}")
        assert hashed >= GUESSES


@pytest.mark.django_db
class TestAddresses:
    def test_change_nothing_without_a_token(self) -> None:
        unprotected = open_addresses()

        tell(f"R22 tokens: {len(walk.addresses())} addresses, unprotected {len(unprotected)}")
        assert unprotected == []

    def test_are_found_when_they_need_no_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The twin: a view that does without."""
        planted = url_path("planted", csrf_exempt(lambda request: request))
        monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, planted])
        from django.urls import clear_url_caches

        clear_url_caches()
        try:
            assert open_addresses() == ["planted"]
        finally:
            monkeypatch.undo()
            clear_url_caches()

    def test_change_nothing_by_get(self) -> None:
        alice = with_password(cast.alice(balance="5").user)
        browser, before = signed_in(alice), rows()
        for address in walk.addresses():
            walk.body(browser, "get", address.filled(walk.ABSENT))

        changed = {name: count for name, count in rows().items() if before[name] != count}
        tell(f"R22 GET: {len(walk.addresses())} addresses, tables changed {len(changed)}")
        assert changed == {}


def open_addresses() -> list[str]:
    """Return the addresses that take a POST of a signed-in browser without the token."""
    alice = User.objects.filter(username="alice").first() or with_password(cast.alice().user)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    found = []
    for address in walk.addresses():
        if address.exempt and address.module.startswith(FOR_PROGRAMS):
            continue
        if address.exempt:
            found.append(address.path)
            continue
        reply = walk.body(browser, "post", address.filled(walk.ABSENT))
        if reply.status not in (302, 403, 404, 405):
            found.append(address.path)
    return found


# Written when somebody is merely there: when they were last seen, and what is counted.
SEEN = {"sessions.Session", "usersessions.UserSession", "accounts.SharedCacheEntry"}
# A code of one's own is made when its page is first looked at; a second look changes nothing.
SEEN |= {"payments.Affiliate"}


def rows() -> dict[str, int]:
    from django.apps import apps
    from django.db import models

    return {
        model._meta.label: models.QuerySet(model).count()
        for model in apps.get_models()
        if model._meta.label not in SEEN
    }
