from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from relaypanel.accounts.models import User
from relaypanel.look.reader import Reader
from tests import cast
from tests.dashboard.browser import signed_in


def page_of(user: User, **cookies: str) -> str:
    client = signed_in(user)
    client.cookies.load(cookies)
    return client.get("/api").content.decode()


def user_with(**choices: str) -> User:
    user = cast.alice().user
    User.objects.filter(pk=user.pk).update(**choices)
    user.refresh_from_db()
    return user


@pytest.mark.django_db
class TestLanguage:
    def test_is_the_one_that_the_user_chose(self) -> None:
        assert 'lang="vi"' in page_of(user_with(language="vi"))

    def test_is_that_of_the_browsers_switch_first(self) -> None:
        assert 'lang="en"' in page_of(user_with(language="vi"), django_language="en")

    def test_of_a_visitor_is_what_the_browser_asks_for(self, client: Client) -> None:
        page = client.get("/api", headers={"Accept-Language": "vi-VN,vi;q=0.9"})

        assert 'lang="vi"' in page.content.decode()


@pytest.mark.django_db
class TestTimeZone:
    @pytest.mark.parametrize(("chosen", "zone"), [("Asia/Ho_Chi_Minh",) * 2, ("", "UTC")])
    def test_is_the_users_for_the_length_of_a_request(self, chosen: str, zone: str) -> None:
        request = HttpRequest()
        request.user = user_with(time_zone=chosen)
        seen = []

        def page(_request: HttpRequest) -> HttpResponse:
            seen.append(timezone.get_current_timezone_name())
            return HttpResponse()

        Reader(page)(request)

        assert seen == [zone]
        assert timezone.get_current_timezone_name() == "UTC"
