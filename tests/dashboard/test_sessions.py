from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from pytest_django import DjangoAssertNumQueries

from relaypanel.dashboard import sessions
from tests import cast
from tests.dashboard.browser import signed_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.django_db
class TestLastSeen:
    def test_notes_browser_and_address(self) -> None:
        user = cast.alice().user

        signed_in(user).get("/api", headers={"User-Agent": FIREFOX})

        session = UserSession.objects.get(user=user)
        assert (session.ip, session.user_agent) == ("127.0.0.1", FIREFOX)

    def test_writes_nothing_for_the_next_page(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = signed_in(cast.alice().user)
        client.get("/no-such-page")

        # The session and the user.
        with django_assert_num_queries(2):
            client.get("/no-such-page")

    def test_notes_it_again_after_a_while(self) -> None:
        user = cast.alice().user
        client = signed_in(user)
        client.get("/api")
        session = client.session
        session["seen_at"] -= sessions.TOUCH_EVERY_SECONDS
        session.save()
        before = UserSession.objects.get(user=user).last_seen_at - timedelta(hours=1)
        UserSession.objects.update(last_seen_at=before)

        client.get("/api")

        assert UserSession.objects.get(user=user).last_seen_at > before


@pytest.mark.django_db
class TestList:
    def test_shows_where_the_user_is_signed_in(self) -> None:
        user = cast.alice().user
        signed_in(user).get("/api", headers={"User-Agent": FIREFOX})
        client = signed_in(user)

        body = client.get("/account/sessions/").content.decode()

        assert "Firefox" in body
        assert body.count("127.0.0.1") >= 2

    def test_shows_nobody_elses(self) -> None:
        signed_in(cast.bob().user).get("/api", headers={"User-Agent": FIREFOX})

        body = signed_in(cast.alice().user).get("/account/sessions/").content.decode()

        assert "Firefox" not in body

    def test_ends_all_others(self) -> None:
        user = cast.alice().user
        elsewhere, here = signed_in(user), signed_in(user)
        for client in (elsewhere, here):
            client.get("/api")

        here.post("/account/sessions/")

        assert elsewhere.get("/account/sessions/").status_code == 302
        assert here.get("/account/sessions/").status_code == 200
