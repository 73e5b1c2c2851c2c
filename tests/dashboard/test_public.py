from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.storefront import texts
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import signed_in


def body_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
class TestLanding:
    def test_shows_the_way_in_and_some_prices(self, client: Client) -> None:
        cast.service(name="Cảm xúc Việt", rate="1.25")

        body = body_of(client, "/")

        assert 'href="/account/signup/"' in body
        assert "Cảm xúc Việt" in body
        assert "$1.25" in body

    def test_of_a_user_leads_to_the_dashboard(self) -> None:
        assert 'href="/dashboard"' in body_of(signed_in(cast.alice().user), "/")

    def test_costs_the_same_for_any_number_of_services(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(10):
            cast.service()
        client.get("/")

        with django_assert_num_queries(4):
            client.get("/")


@pytest.mark.django_db
class TestWords:
    @pytest.mark.parametrize(
        ("path", "page", "ours"),
        [
            ("/", "landing", "delivered while you watch"),
            ("/services", "services", "with or without accents"),
            ("/faq", "faq", "When does my order start?"),
            ("/terms", "terms", "What you buy"),
        ],
    )
    def test_are_ours_until_the_owner_writes_some(
        self, client: Client, path: str, page: str, ours: str
    ) -> None:
        assert ours in body_of(client, path)

        texts.write(page=page, language="en", body="Chỉ **một** giá.", now=NOW)

        body = body_of(client, path)
        assert "Chỉ <strong>một</strong> giá." in body
        assert ours not in body

    def test_are_there_in_vietnamese(self, client: Client) -> None:
        client.cookies["django_language"] = "vi"

        assert "Khi nào đơn của tôi bắt đầu chạy?" in body_of(client, "/faq")
