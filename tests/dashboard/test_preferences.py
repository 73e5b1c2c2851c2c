from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.accounts.models import User
from tests import cast
from tests.dashboard.browser import signed_in


@pytest.mark.django_db
class TestLanguage:
    def test_of_a_visitor_is_kept_in_a_cookie(self, client: Client) -> None:
        response = client.post("/language", {"language": "vi", "next": "/api"})

        assert response.headers["Location"] == "/api"
        assert client.cookies["django_language"].value == "vi"
        assert 'lang="vi"' in client.get("/api").content.decode()

    def test_of_a_user_is_kept_for_other_browsers_too(self) -> None:
        user = cast.alice().user

        signed_in(user).post("/language", {"language": "vi"})

        assert User.objects.get(pk=user.pk).language == "vi"

    def test_is_one_that_we_speak(self, client: Client) -> None:
        assert client.post("/language", {"language": "xx"}).status_code == 400

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:1"])
    def test_leads_to_no_other_site(self, client: Client, target: str) -> None:
        response = client.post("/language", {"language": "vi", "next": target})

        assert response.headers["Location"] == "/"


@pytest.mark.django_db
class TestTheme:
    def test_of_a_visitor_is_kept_in_a_cookie(self, client: Client) -> None:
        client.post("/theme", {"theme": "dark"})

        assert 'data-theme="dark"' in client.get("/api").content.decode()

    def test_of_a_user_is_followed_by_other_browsers(self) -> None:
        user = cast.alice().user

        signed_in(user).post("/theme", {"theme": "dark"})

        assert 'data-theme="dark"' in signed_in(user).get("/api").content.decode()

    def test_is_one_that_there_is(self, client: Client) -> None:
        assert client.post("/theme", {"theme": "pink"}).status_code == 400

    def test_is_not_changed_by_a_link(self, client: Client) -> None:
        assert client.get("/theme").status_code == 405
