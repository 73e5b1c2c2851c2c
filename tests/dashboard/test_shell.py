from __future__ import annotations

import pytest
from django.test import RequestFactory

from relaypanel.accounts.models import User
from relaypanel.dashboard.shell import Link, Shell
from tests import cast


def shell_at(path: str, user: User | None = None) -> Shell:
    request = RequestFactory().get(path)
    request.user = user or User(pk=1, username="alice", display_name="Minh Anh Lê")
    return Shell(request)


def current(path: str) -> list[str]:
    return [link.href for group in shell_at(path).groups for link in group.links if link.current]


@pytest.mark.django_db
class TestShell:
    def test_leads_to_every_page_once(self) -> None:
        hrefs = [link.href for group in shell_at("/").groups for link in group.links]

        assert len(hrefs) == len(set(hrefs))
        assert {link.href for link in shell_at("/").tabs} <= set(hrefs)

    @pytest.mark.parametrize(
        ("path", "href"),
        [
            ("/orders", "/orders"),
            ("/orders/12", "/orders"),
            ("/funds/statement", "/funds/statement"),
            ("/settings/security", "/settings"),
        ],
    )
    def test_marks_where_the_reader_is(self, path: str, href: str) -> None:
        assert current(path) == [href]

    def test_marks_nothing_elsewhere(self) -> None:
        assert current("/order") == []

    @pytest.mark.parametrize(
        ("display_name", "initials"), [("Minh Anh Lê", "ML"), ("an", "A"), ("", "A")]
    )
    def test_calls_people_by_their_name(self, display_name: str, initials: str) -> None:
        user = User(username="alice", display_name=display_name)

        assert shell_at("/", user).initials == initials
        assert shell_at("/", user).name == (display_name or "alice")

    def test_knows_the_balance(self) -> None:
        assert shell_at("/", cast.alice(balance="2").user).balance_e8 == 2 * 10**8


class TestLink:
    def test_has_no_count_unless_something_waits(self) -> None:
        link = Link(href="/", icon="home", words="Home", current=False)

        assert (link.count, link.urgent) == (0, False)
