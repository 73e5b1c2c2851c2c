from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import Role
from relaypanel.storefront import profile
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def _closed() -> None:
    wanted = replace(profile.current(), is_closed=True, closed_words="Back at nine.")
    profile.save(wanted=wanted, by=CONSOLE, now=cast.NOW)


@pytest.mark.usefixtures("_closed")
class TestClosed:
    def test_tells_customers_and_visitors_the_owners_words(self) -> None:
        for client in (Client(), people.signed_in(cast.alice().user)):
            reply = client.get("/api")
            assert reply.status_code == 503
            assert reply["Retry-After"] == "600"
            assert "Back at nine." in reply.content.decode()

    def test_is_open_to_staff_and_to_whoever_signs_in(self) -> None:
        assert people.signed_in(people.person("dora", Role.OWNER)).get("/api").status_code == 200
        assert Client().get("/account/login/").status_code == 200
        assert Client().post("/language", {"language": "vi"}).status_code == 302


class TestOpen:
    def test_serves_everybody(self) -> None:
        assert Client().get("/api").status_code == 200


class TestSignUp:
    def test_is_shut_where_the_owner_says_so(self) -> None:
        wanted = replace(profile.current(), sign_up_is_open=False)
        profile.save(wanted=wanted, by=CONSOLE, now=cast.NOW)

        page = Client().get("/account/signup/").content.decode()

        assert 'name="username"' not in page


class TestHue:
    def test_is_a_style_sheet(self) -> None:
        reply = Client().get("/hue/20.css")

        assert reply["Content-Type"] == "text/css"
        assert "--accent-hue: 20" in reply.content.decode()
        assert Client().get("/hue/360.css").status_code == 404
