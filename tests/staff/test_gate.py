"""Every address of the desk × everybody: allowed or refused, and nothing in between."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import partial

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse

from relaypanel import urls as house
from relaypanel.accounts.models import Role, Section
from relaypanel.accounts.rights import Level
from relaypanel.staff import urls
from relaypanel.staff.gate import Rule
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db

PATTERNS: list[URLPattern] = [one for one in urls.urlpatterns if one.name != "absent"]
# An ID that nothing has: what matters is whether the gate opens.
NUMBER = 987_654_321
REFUSED, ABSENT = 403, 404


@pytest.fixture(autouse=True)
def _unheard(caplog: pytest.LogCaptureFixture) -> None:
    """Write no log of thousands of refusals."""
    caplog.set_level(logging.CRITICAL, logger="django.request")


@pytest.fixture
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer with the status alone, where thousands of pages that say no would be drawn."""
    for status in (REFUSED, ABSENT):
        monkeypatch.setattr(house, f"handler{status}", partial(_bare, status), raising=False)


def _bare(status: int, _request: HttpRequest, **_: object) -> HttpResponse:
    return HttpResponse(status=status)


def address(pattern: URLPattern) -> str:
    converters = pattern.pattern.converters
    return reverse(f"staff:{pattern.name}", kwargs=dict.fromkeys(converters, NUMBER))


def rule(pattern: URLPattern) -> Rule:
    found = pattern.callback.rule  # type: ignore[attr-defined]
    assert isinstance(found, Rule)
    return found


def guarded() -> Iterator[URLPattern]:
    return (one for one in PATTERNS if rule(one).section is not None)


def by_name(pattern: URLPattern) -> str:
    return str(pattern.name)


def body(client: Client, path: str, method: str) -> tuple[int, str]:
    """Return what comes back, without what differs with each request to one page."""
    reply = client.generic(method, path)
    text = reply.content.decode()
    text = re.sub(r'value="\w{64}"|X-CSRFToken": "\w{64}', "TOKEN", text)
    return reply.status_code, text.replace(path, "PATH")


class TestEveryAddress:
    def test_is_behind_the_gate(self) -> None:
        assert all(isinstance(rule(one), Rule) for one in urls.urlpatterns)

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    def test_is_absent_to_a_customer(self, method: str) -> None:
        client = people.signed_in(cast.alice().user)
        absent = body(client, "/no-such-page", method)

        for pattern in PATTERNS:
            assert body(client, address(pattern), method) == absent, pattern.name
        assert body(client, "/staff/no-such-page", method) == absent
        assert absent[0] == ABSENT

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_asks_a_visitor_to_sign_in_even_where_nothing_is(self, method: str) -> None:
        for path in [*map(address, PATTERNS), "/staff/no-such-page"]:
            reply = Client().generic(method, path)

            assert reply.status_code == 302, path
            assert reply["Location"].startswith("/account/login/"), path

    @pytest.mark.usefixtures("_undrawn")
    def test_is_open_to_an_owner(self) -> None:
        client = people.owner()

        for pattern in PATTERNS:
            for method in ("GET", "POST"):
                reply = client.generic(method, address(pattern))
                assert reply.status_code != REFUSED, (pattern.name, method)

    @pytest.mark.usefixtures("_undrawn")
    def test_is_open_to_a_role_that_opens_its_section_alone(self) -> None:
        for section in Section:
            client = people.staff(f"only-{section}", {section: Level.EDIT})

            for pattern in guarded():
                for method in ("GET", "POST"):
                    refused = client.generic(method, address(pattern)).status_code == REFUSED
                    assert refused == (rule(pattern).section is not section), (pattern.name, method)

    @pytest.mark.usefixtures("_undrawn")
    def test_is_closed_to_a_role_that_opens_all_other_sections(self) -> None:
        for section in Section:
            others = {one: Level.EDIT for one in Section if one is not section}
            client = people.staff(f"no-{section}", others)

            for pattern in guarded():
                if rule(pattern).section is section:
                    for method in ("GET", "POST"):
                        refused = client.generic(method, address(pattern)).status_code == REFUSED
                        assert refused, (pattern.name, method)

    @pytest.mark.usefixtures("_undrawn")
    def test_is_open_to_look_at_and_closed_to_changes_with_the_right_to_look(self) -> None:
        client = people.staff(levels=dict.fromkeys(Section, Level.VIEW))

        for pattern in guarded():
            assert client.get(address(pattern)).status_code != REFUSED, pattern.name
            assert client.head(address(pattern)).status_code != REFUSED, pattern.name
            assert client.post(address(pattern)).status_code == REFUSED, pattern.name

    @pytest.mark.usefixtures("_undrawn")
    def test_is_closed_to_staff_without_a_role(self) -> None:
        client = people.signed_in(cast.carol().user)

        for pattern in guarded():
            for method in ("GET", "POST"):
                assert client.generic(method, address(pattern)).status_code == REFUSED

    def test_sends_staff_without_a_second_factor_to_set_one_up(self) -> None:
        client = people.signed_in(people.person("dora", Role.OWNER), second_factor=False)

        for pattern in PATTERNS:
            for method in ("GET", "POST"):
                reply = client.generic(method, address(pattern))
                assert reply.status_code == 302
                assert reply["Location"] == reverse("mfa_activate_totp")

    def test_takes_no_other_method(self) -> None:
        client = people.owner()

        for pattern in PATTERNS:
            assert client.delete(address(pattern)).status_code == 405

    def test_is_closed_at_once_to_somebody_suspended(self) -> None:
        user = people.person("dora", Role.OWNER)
        client = people.signed_in(user)
        user.is_active = False
        user.save()

        for pattern in PATTERNS:
            assert client.get(address(pattern))["Location"].startswith("/account/login/")


class TestFresh:
    def test_asks_who_it_is_once_more_before_a_change(self) -> None:
        client = people.owner()

        for pattern in PATTERNS:
            if rule(pattern).is_fresh:
                reply = client.post(address(pattern))
                assert reply.status_code == 302, pattern.name
                assert "/reauthenticate/" in reply["Location"], pattern.name
