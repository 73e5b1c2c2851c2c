from __future__ import annotations

import re

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import User
from relaypanel.notices import webhooks
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import signed_in

pytestmark = pytest.mark.django_db

URL = "https://shop.example/hook"


def hook(user: User) -> Endpoint:
    return webhooks.add(user_id=user.pk, url=URL, events=["order.partial"], now=NOW)[0]


class TestPage:
    def test_shows_the_secret_of_a_new_one_this_once(self) -> None:
        client = signed_in(cast.alice().user)

        body = client.post(
            "/settings/webhooks", {"url": URL, "event": ["order.partial"]}
        ).content.decode()

        endpoint = Endpoint.objects.get()
        secret = webhooks.secret_of(endpoint)
        assert secret in body
        for path in ("/settings/webhooks", f"/settings/webhooks/{endpoint.pk}"):
            again = client.get(path).content.decode()
            assert URL in again
            assert secret not in again
            assert "whsec_" not in again

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"url": "nowhere", "event": "order.partial"}, "Write a whole address"),
            ({"url": URL}, "Choose at least one event."),
            ({"url": URL, "event": "nothing"}, "Choose at least one event."),
        ],
    )
    def test_says_what_is_wrong(self, form: dict[str, str], words: str) -> None:
        client = signed_in(cast.alice().user)

        assert words in client.post("/settings/webhooks", form).content.decode()
        assert not Endpoint.objects.exists()

    def test_says_that_there_are_enough(self) -> None:
        alice = cast.alice().user
        for _ in range(webhooks.WEBHOOKS_MAX):
            hook(alice)

        body = signed_in(alice).post("/settings/webhooks", {"url": URL, "event": "order.partial"})

        assert "no room for another webhook" in body.content.decode()


class TestOne:
    def test_lists_what_was_delivered_page_by_page(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        alice = cast.alice().user
        endpoint = hook(alice)
        for at in range(35):
            webhooks.send_test(
                user_id=alice.pk, endpoint_id=endpoint.pk, now=NOW.replace(microsecond=at)
            )
        client, path = signed_in(alice), f"/settings/webhooks/{endpoint.pk}"
        first = client.get(path).content.decode()
        before = re.findall(r"\?before=(\d+)", first)[0]

        assert first.count("Waiting") == 30
        with django_assert_num_queries(9):
            assert client.get(f"{path}?before={before}").content.decode().count("Waiting") == 5

    def test_is_changed(self) -> None:
        alice = cast.alice().user
        endpoint = hook(alice)
        client, path = signed_in(alice), f"/settings/webhooks/{endpoint.pk}/change"

        client.post(path, {"url": f"{URL}/2", "event": ["balance.low"]})
        wrong = client.post(path, {"url": "x", "event": ["balance.low"]})

        endpoint.refresh_from_db()
        assert (endpoint.url, endpoint.events) == (f"{URL}/2", ["balance.low"])
        assert "Write a whole address" in wrong.content.decode()

    def test_does_what_its_buttons_say(self) -> None:
        alice = cast.alice().user
        endpoint = hook(alice)
        client, path = signed_in(alice), f"/settings/webhooks/{endpoint.pk}/act"
        old = webhooks.secret_of(endpoint)

        client.post(path, {"act": "test"})
        client.post(path, {"act": "off"})
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is not None
        client.post(path, {"act": "on"})
        body = client.post(path, {"act": "secret"}).content.decode()

        endpoint.refresh_from_db()
        assert endpoint.disabled_at is None
        assert webhooks.secret_of(endpoint) in body
        assert old not in body
        assert Delivery.objects.count() == 1
        assert client.post(path, {"act": "nothing"}).status_code == 302
        client.post(path, {"act": "remove"})
        assert not Endpoint.objects.exists()

    def test_sends_again(self) -> None:
        alice = cast.alice().user
        endpoint = hook(alice)
        delivery = webhooks.send_test(user_id=alice.pk, endpoint_id=endpoint.pk, now=NOW)
        Delivery.objects.update(state=DeliveryState.GIVEN_UP, ended_at=NOW, last_error="no answer")
        client, path = signed_in(alice), f"/settings/webhooks/{endpoint.pk}"
        assert "Given up" in client.get(path).content.decode()

        client.post(f"{path}/deliveries/{delivery.pk}")

        assert Delivery.objects.get().state == DeliveryState.WAITING
        assert client.post(f"{path}/deliveries/{delivery.pk + 1}").status_code == 404

    def test_of_somebody_else_answers_like_none(self) -> None:
        foreign = hook(cast.bob().user)
        client = signed_in(cast.alice().user)

        for pk in (foreign.pk, foreign.pk + 1):
            path = f"/settings/webhooks/{pk}"
            assert client.get(path).status_code == 404
            for rest in ("/change", "/act", "/deliveries/1"):
                assert client.post(f"{path}{rest}", {"act": "remove"}).status_code == 404
        assert Endpoint.objects.exists()
