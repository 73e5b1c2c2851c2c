from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests import cast
from tests.api_v2 import client as wire
from tests.dashboard.browser import FRAME_QUERIES, signed_in


def body_of(client: Client, text: str) -> str:
    response = client.get("/search", {"q": text})
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
class TestPage:
    def test_finds_services_and_the_users_orders(self) -> None:
        user = cast.alice().user
        service = cast.service(name="Cảm xúc Việt")
        order = wire.order(user, service, link="https://example.com/cua-hang")
        client = signed_in(user)

        assert "Cảm xúc Việt" in body_of(client, "cam xuc")
        for text in (str(order.pk), "cua-hang"):
            assert f'href="/orders/{order.pk}"' in body_of(client, text)

    def test_finds_nobody_elses_orders(self) -> None:
        order = wire.order(cast.bob().user, cast.service(), link="https://example.com/cua-hang")
        client = signed_in(cast.alice().user)

        for text in (str(order.pk), "cua-hang"):
            assert f'href="/orders/{order.pk}"' not in body_of(client, text)

    @pytest.mark.parametrize(
        ("text", "words"), [("zzz", "Nothing found"), ("", "What are you looking for?"), ("\0", "")]
    )
    def test_says_so_when_there_is_nothing(self, text: str, words: str) -> None:
        assert words in body_of(signed_in(cast.alice().user), text)

    def test_shows_what_was_typed_as_text(self) -> None:
        assert "<script>x" not in body_of(signed_in(cast.alice().user), "<script>x")

    def test_is_for_users(self, client: Client) -> None:
        assert client.get("/search?q=a").headers["Location"].startswith("/account/login/")

    def test_costs_the_same_for_any_number(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        user = cast.alice().user
        service = cast.service()
        for _ in range(5):
            wire.order(user, service)
        client = signed_in(user)
        body_of(client, "fb")

        with django_assert_num_queries(FRAME_QUERIES + 8):
            body_of(client, "fb")
