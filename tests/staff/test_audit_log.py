from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import CONSOLE, Actor
from relaypanel.accounts.models import AuditEntry
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


def record(number: int, by: Actor = CONSOLE) -> AuditEntry:
    return audit_log.record(
        by=by,
        act="order.partial",
        subject=("order", number),
        before={"status": "held", "remains": 10, "link": "<b>"},
        after={"status": "partial", "remains": 10, "routes": [1]},
        now=cast.NOW,
    )


class TestPage:
    def test_shows_what_changed_and_only_that(self, client: Client) -> None:
        record(812)

        page = client.get("/staff/audit-log?kind=order").content.decode()

        assert "order 812" in page
        assert "<del>held</del> <ins>partial</ins>" in page
        assert "<del>&lt;b&gt;</del>" in page
        assert "<ins>[1]</ins>" in page
        assert "remains" not in page
        assert "command line" in page

    def test_filters(self, client: Client) -> None:
        bob = cast.bob().user
        record(812, by=Actor(user_id=bob.pk, address="192.0.2.7"))
        record(813)

        def found(query: str) -> list[str]:
            rows = client.get(f"/staff/audit-log?{query}").context["rows"]
            return [entry.subject_id for entry, _ in rows]

        assert found("who=BOB") == ["812"]
        assert found("who=nobody") == []
        assert found("kind=order&id=813") == ["813"]
        assert found("act=order.partial") == ["813", "812"]
        assert found("act=order.partial&day=2026-11-24") == ["813", "812"]
        assert found("act=order.partial&day=2026-11-25") == []
        assert found("day=yesterday") == []

    def test_goes_on_below_the_last_line(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(audit_log.PAGE + 2):
            record(number)

        first = client.get("/staff/audit-log?kind=order")
        with django_assert_max_num_queries(9):
            second = client.get(f"/staff/audit-log{first.context['next_page']}")

        assert [entry.subject_id for entry, _ in second.context["rows"]] == ["1", "0"]
        assert second.context["next_page"] == ""
