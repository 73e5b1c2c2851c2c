from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts import keys
from relaypanel.accounts.models import ApiKey, User
from relaypanel.contract import FIELDS, TYPES, Action
from relaypanel.orders.models import Order
from tests import cast
from tests.dashboard.browser import FRAME_QUERIES, PASSWORD, signed_in, with_password


def body_of(client: Client, path: str = "/api") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
class TestPage:
    def test_tells_a_visitor_every_action_and_every_type(self, client: Client) -> None:
        body = body_of(client)

        assert all(f'id="{action}"' in body for action in Action)
        assert all(f"<strong>{type_}</strong>" in body for type_ in TYPES)
        assert "YOUR_KEY" in body

    def test_hides_the_key(self) -> None:
        member = cast.alice()

        body = body_of(signed_in(member.user))

        assert f"••••••••{member.api_key[-4:]}" in body
        assert member.api_key not in body

    def test_costs_few_queries(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        client = signed_in(cast.alice().user)
        body_of(client)

        with django_assert_num_queries(FRAME_QUERIES + 1):
            body_of(client)


@pytest.mark.django_db
class TestReveal:
    def test_shows_the_key_on_this_answer_alone(self) -> None:
        member = cast.alice()
        client = signed_in(member.user)

        body = client.post("/api/key").content.decode()

        assert member.api_key in body
        assert member.api_key not in body_of(client)

    def test_asks_for_the_password_again_when_that_was_long_ago(self) -> None:
        member = cast.alice()
        client = signed_in(with_password(member.user), lately=False)

        response = client.post("/api/key")

        assert response.status_code == 302
        assert member.api_key.encode() not in response.content

    @pytest.mark.parametrize("path", ["/api/key", "/api/key/new", "/api/addresses", "/api/try"])
    def test_is_for_nobody_else(self, client: Client, path: str) -> None:
        assert client.post(path).headers["Location"].startswith("/account/login/")


@pytest.mark.django_db
class TestRotate:
    def test_shows_a_new_key_and_ends_the_old_one(self) -> None:
        member = cast.alice()

        body = signed_in(member.user).post("/api/key/new").content.decode()

        assert keys.reveal(member.user) in body
        assert keys.find(member.api_key, address=None) is None

    def test_asks_for_the_password_again_when_that_was_long_ago(self) -> None:
        member = cast.alice()

        signed_in(with_password(member.user), lately=False).post("/api/key/new")

        assert keys.find(member.api_key, address=None) is not None


@pytest.mark.django_db
class TestProof:
    @pytest.mark.parametrize("path", ["/api/key", "/api/key/new"])
    def test_goes_on_with_what_was_asked(self, path: str) -> None:
        user = with_password(cast.alice().user)
        client = signed_in(user, lately=False)
        form = client.post(path).headers["Location"]

        body = client.post(form, {"password": PASSWORD, "next": path}).content.decode()

        assert keys.reveal(user) in body
        assert keys.reveal(user) not in body_of(client)


def networks_of(user: User) -> str:
    return User.objects.get(pk=user.pk).api_networks


@pytest.mark.django_db
class TestAllow:
    def test_keeps_the_list_in_its_canonical_form(self) -> None:
        user = cast.alice().user

        response = signed_in(user).post(
            "/api/addresses", {"networks": "127.0.0.1\r\n192.168.1.5/24"}
        )

        assert response.status_code == 302
        assert networks_of(user) == "127.0.0.1\n192.168.1.0/24"

    def test_says_what_is_wrong_beside_the_field(self) -> None:
        user = cast.alice().user

        body = signed_in(user).post("/api/addresses", {"networks": "here"}).content.decode()

        assert "is neither an address nor a network" in body
        assert 'aria-invalid="true"' in body
        assert networks_of(user) == ""

    def test_warns_before_it_locks_out_the_address_in_use(self) -> None:
        user = cast.alice().user

        body = signed_in(user).post("/api/addresses", {"networks": "203.0.113.7"}).content.decode()

        assert "127.0.0.1" in body
        assert 'name="anyway"' in body
        assert networks_of(user) == ""

    def test_warns_of_the_address_that_the_key_was_last_used_from(self) -> None:
        user = cast.alice().user
        ApiKey.objects.filter(user=user).update(last_used_from="198.51.100.4")

        body = signed_in(user).post("/api/addresses", {"networks": "127.0.0.1"}).content.decode()

        assert "198.51.100.4" in body
        assert networks_of(user) == ""

    def test_locks_out_on_the_users_word(self) -> None:
        user = cast.alice().user

        signed_in(user).post("/api/addresses", {"networks": "203.0.113.7", "anyway": "yes"})

        assert networks_of(user) == "203.0.113.7"


@pytest.mark.django_db
class TestConsole:
    def test_makes_a_real_call_with_the_users_own_key(self) -> None:
        member = cast.alice(balance="12.5")

        body = signed_in(member.user).post("/api/try", {"action": "balance"}).content.decode()

        assert "&quot;balance&quot;: &quot;12.5&quot;" in body
        assert member.api_key not in body

    def test_asks_before_a_call_that_costs_money(self) -> None:
        user = cast.alice(balance="10").user
        fields = {"action": "add", "service": cast.service().pk, "quantity": "100"}
        fields |= {"link": "https://example.com/a"}
        client = signed_in(user)

        asked = client.post("/api/try", fields, headers={"HX-Request": "true"}).content.decode()
        before = Order.objects.count()
        client.post("/api/try", fields | {"confirmed": "yes"})

        assert 'name="confirmed"' in asked
        assert before == 0
        assert Order.objects.get().user == user

    def test_passes_on_what_the_door_refuses(self) -> None:
        client = signed_in(cast.alice().user)

        body = client.post("/api/try", {"action": "status", "order": "999"}).content.decode()

        assert "Incorrect order ID" in body

    def test_knows_no_other_action(self) -> None:
        client = signed_in(cast.alice().user)

        assert client.post("/api/try", {"action": "sudo"}).status_code == 400

    def test_has_a_field_for_every_parameter_of_the_contract(self) -> None:
        body = body_of(signed_in(cast.alice().user))

        assert [name for name in FIELDS if f'id="try-{name}"' not in body] == []

    def test_shows_what_the_chosen_action_takes_and_sends_nothing_else(self) -> None:
        client = signed_in(cast.alice(balance="10").user)
        style = finders.find("look/pages/api.css")
        rules = Path(str(style)).read_text()

        page = body_of(client)
        reply = client.post("/api/try", {"action": "refill", "refill": "7"}).content.decode()

        assert 'data-takers="refill_status"><label for="try-refill">' in page
        for action in Action:
            taken = f'[value="{action}"]:checked) [data-takers]:not([data-takers~="{action}"])'
            assert f"#console:has({taken}" in rules
        assert 'name="refill" value="7"' not in reply

    def test_keeps_what_was_filled_in(self) -> None:
        client = signed_in(cast.alice().user)

        body = client.post("/api/try", {"action": "status", "orders": "1,<2"}).content.decode()

        assert 'name="orders" value="1,&lt;2"' in body

    def test_is_bound_by_the_list_of_addresses(self) -> None:
        user = cast.alice().user
        User.objects.filter(pk=user.pk).update(api_networks="203.0.113.7")

        body = signed_in(user).post("/api/try", {"action": "balance"}).content.decode()

        assert "Invalid API key" in body
