from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts import admin_keys, users
from relaypanel.accounts.models import AdminKey, AuditEntry, Section
from relaypanel.accounts.rights import Level
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db

PAGE = "/staff/settings/keys"


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


def form(**changes: Any) -> dict[str, Any]:
    told = {"name": "A bot", "user": users.named("dora").pk, "scopes": ["orders.read"]}
    return told | changes


def made(client: Client, **changes: Any) -> str:
    """Make a key, and return its text."""
    text = client.post(PAGE, form(**changes)).context["text"]
    assert isinstance(text, str)
    return text


class TestPage:
    def test_shows_a_new_key_this_once(self, client: Client) -> None:
        reply = client.post(PAGE, form(services="7, 3", scopes=["orders.read", "orders.work"]))

        text = reply.context["text"]
        found = admin_keys.find(text)
        assert found is not None
        assert (found.scopes, found.service_ids) == (["orders.read", "orders.work"], [3, 7])
        assert text in reply.content.decode()
        assert reply["Cache-Control"] == "no-store"
        assert text not in client.get(PAGE).content.decode()
        entry = AuditEntry.objects.get(act="admin_api.issue")
        assert (entry.user, entry.after["scopes"]) == (found.user, found.scopes)
        assert text not in str(entry.after)

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("name", " "),
            ("name", "x" * 61),
            ("user", "99"),
            ("user", "x"),
            ("scopes", []),
            ("scopes", ["everything"]),
            ("services", "7; DROP"),
            ("services", "9" * 19),
            ("services", " ".join(map(str, range(501)))),
        ],
    )
    def test_says_what_is_wrong(self, client: Client, field: str, wrong: object) -> None:
        reply = client.post(PAGE, form(**{field: wrong}))

        assert field in reply.context["form"].errors
        assert not AdminKey.objects.exists()

    def test_makes_none_for_a_customer(self, client: Client) -> None:
        reply = client.post(PAGE, form(user=cast.alice().user.pk))

        assert "user" in reply.context["form"].errors

    def test_is_an_owners_alone_to_change(self, client: Client) -> None:
        made(client)
        key = AdminKey.objects.get()
        carol = people.staff(levels=dict.fromkeys(Section, Level.EDIT))
        people.reauthenticated(carol)

        reply = carol.post(PAGE, form())
        carol.post(f"{PAGE}/{key.pk}/revoke")

        assert "Owners alone" in reply.content.decode()
        assert AdminKey.objects.get().revoked_at is None
        assert "New key" not in carol.get(PAGE).content.decode()

    def test_asks_as_often_for_many_as_for_one(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        made(client)
        client.get(PAGE)
        for _ in range(5):
            made(client)

        with django_assert_max_num_queries(12):
            client.get(PAGE)


class TestRevoke:
    def test_closes_a_key_once(self, client: Client) -> None:
        text = made(client)
        path = f"{PAGE}/{AdminKey.objects.get().pk}/revoke"

        assert "opens nothing" in client.post(path, follow=True).content.decode()

        assert admin_keys.find(text) is None
        assert "already" in client.post(path, follow=True).content.decode()
        assert "already" in client.post(f"{PAGE}/987654/revoke", follow=True).content.decode()
        assert AuditEntry.objects.filter(act="admin_api.revoke").count() == 1
