from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.accounts import rights
from relaypanel.accounts.models import Section, StaffRole
from relaypanel.accounts.rights import Level
from tests.staff import people

pytestmark = pytest.mark.django_db

PATH = "/staff/settings/roles"


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


def said(client: Client, path: str, **fields: str) -> str:
    reply = client.post(path, fields, follow=True)
    return " ".join(map(str, reply.context["messages"]))


class TestRoles:
    def test_are_made_changed_and_removed(self, client: Client) -> None:
        said(client, f"{PATH}/0", name="Cook", orders="edit", users="view", money="x")
        role = rights.named("Cook")
        assert rights.of_role(role.pk).levels == {
            Section.ORDERS: Level.EDIT,
            Section.USERS: Level.VIEW,
        }

        said(client, f"{PATH}/{role.pk}", name="Chef", orders="view")
        assert rights.of_role(role.pk).levels == {Section.ORDERS: Level.VIEW}
        assert "Chef" in client.get(PATH).content.decode()
        said(client, f"{PATH}/{role.pk}/remove")

        assert not StaffRole.objects.filter(pk=role.pk).exists()

    def test_say_what_is_wrong(self, client: Client) -> None:
        assert "another" in said(client, f"{PATH}/0", name="support").lower()
        assert "1 to 60" in said(client, f"{PATH}/0", name=" ")
        assert client.post(f"{PATH}/987", {"name": "x"}).status_code == 404
        assert client.post(f"{PATH}/987/remove").status_code == 404

    def test_that_somebody_has_stay(self, client: Client) -> None:
        people.staff(levels={Section.ORDERS: Level.VIEW})
        role = rights.named("role of carol")

        assert "give them another" in said(client, f"{PATH}/{role.pk}/remove")

    def test_are_changed_by_owners_alone(self) -> None:
        client = people.reauthenticated(people.staff(levels={Section.SETTINGS: Level.EDIT}))

        assert said(client, f"{PATH}/0", name="Cook") == "Owners alone may do this."
        assert "New role" not in client.get(PATH).content.decode()
