from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from relaypanel.dashboard import alerts
from relaypanel.notices.models import Notice
from tests import cast
from tests.dashboard.browser import PASSWORD, signed_in, with_password

pytestmark = pytest.mark.django_db


class TestAlerts:
    def test_tell_who_has_looked_at_the_key_and_changed_it(self) -> None:
        client = signed_in(cast.alice().user)

        client.post("/api/key")
        client.post("/api/key/new")

        kinds = list(Notice.objects.order_by("pk").values_list("kind", flat=True))
        assert kinds == ["api_key_shown", "api_key_rotated"]
        assert Notice.objects.all()[0].data["address"] == "127.0.0.1"

    def test_tell_of_a_sign_in(self) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        request = RequestFactory().get("/", headers={"user-agent": agent})

        alerts.signed_in(request, cast.alice().user)

        assert Notice.objects.get().data["device"] == "Firefox, Linux"


class TestNewSignIn:
    def test_is_told_of_a_browser_that_was_never_used(self, client: Client) -> None:
        with_password(cast.alice().user)
        form = {"login": "alice", "password": PASSWORD}

        for agent in ("Firefox/1", "Firefox/1", "Chrome/1", "Chrome/1"):
            client.post("/account/login/", form, headers={"user-agent": agent})
            client.post("/account/logout/")

        assert [notice.data["device"] for notice in Notice.objects.all()] == ["Chrome"]
