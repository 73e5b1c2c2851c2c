from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.accounts import keys, users
from relaypanel.accounts.models import AuditEntry, Role, Section, User
from relaypanel.accounts.rights import Level
from relaypanel.catalogue.models import Discount, UserRate
from relaypanel.ledger import book
from relaypanel.ledger.models import Adjustment
from tests import cast
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


@pytest.fixture
def alice() -> User:
    return cast.alice(balance="1000").user


def said(client: Client, path: str, **fields: object) -> str:
    reply = client.post(path, fields, follow=True)
    assert reply.status_code == 200
    return " ".join(str(message) for message in reply.context["messages"])


def names(client: Client, query: str) -> list[str]:
    return [one.username for one in client.get(f"/staff/users?{query}").context["people"]]


class TestPage:
    def test_finds(self, client: Client, alice: User) -> None:
        assert names(client, "") == ["alice", "dora"]
        assert names(client, "q=lic") == ["alice"]
        assert names(client, "role=owner") == ["dora"]
        assert names(client, "role=cook") == []
        assert names(client, "state=suspended") == []

    def test_asks_the_database_as_often_for_many_as_for_one(
        self, client: Client, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        client.get("/staff/users")
        for number in range(5):
            people.person(f"user-{number}", Role.CUSTOMER)

        with django_assert_max_num_queries(10):
            client.get("/staff/users")

    def test_shows_no_money_to_whom_it_is_closed(self, alice: User) -> None:
        scene.order()
        client = people.staff(levels={Section.USERS: Level.EDIT, Section.ORDERS: Level.VIEW})

        for path in ("/staff/users", f"/staff/users/{alice.pk}"):
            page = client.get(path).content.decode()
            assert "$" not in page
            assert "Balance" not in page


class TestNew:
    def test_makes_a_customer(self, client: Client) -> None:
        reply = client.post("/staff/users/new", {"username": "erin", "email": "e@x.example"})

        erin = users.named("erin")
        assert reply["Location"] == f"/staff/users/{erin.pk}"
        assert (erin.role, book.balance(erin.pk)) == (Role.CUSTOMER, 0)
        assert keys.reveal(erin)
        assert AuditEntry.objects.get(act="user.create").after["username"] == "erin"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"username": "alice"}, "This username is taken"),
            ({"username": "é"}, "A username has 3 to 60"),
            ({"username": "erin", "email": "x"}, "This is not an e-mail"),
            ({"username": "erin", "password": "123"}, "too short"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field(
        self, client: Client, alice: User, fields: dict[str, str], words: str
    ) -> None:
        page = client.post("/staff/users/new", fields).content.decode()

        assert words in page
        assert User.objects.count() == 2


class TestOne:
    def test_shows_who_it_is_and_never_a_key(self, client: Client, alice: User) -> None:
        scene.order()

        page = client.get(f"/staff/users/{alice.pk}").content.decode()

        assert "$999.00" in page
        assert "+$1,000.00" in page
        assert keys.reveal(alice)[-4:] in page
        assert keys.reveal(alice) not in page
        assert client.get("/staff/users/987").status_code == 404


class TestActs:
    def test_suspend_and_resume(self, client: Client, alice: User) -> None:
        path = f"/staff/users/{alice.pk}"

        assert "reason" in said(client, f"{path}/suspend", reason="")
        said(client, f"{path}/suspend", reason="fraud")
        assert not User.objects.get(pk=alice.pk).is_active
        said(client, f"{path}/resume")
        assert User.objects.get(pk=alice.pk).is_active

    def test_new_key_and_limit(self, client: Client, alice: User) -> None:
        path, before = f"/staff/users/{alice.pk}", keys.reveal(alice)

        said(client, f"{path}/key")
        assert keys.reveal(alice) != before
        said(client, f"{path}/limit", calls="30")
        assert User.objects.get(pk=alice.pk).api_calls_per_minute == 30
        assert "whole number" in said(client, f"{path}/limit", calls="-1")
        assert "between 0" in said(client, f"{path}/limit", calls="999999999")
        said(client, f"{path}/limit", calls="")
        assert User.objects.get(pk=alice.pk).api_calls_per_minute is None

    def test_role(self, client: Client, alice: User) -> None:
        path = f"/staff/users/{alice.pk}/role"

        assert said(client, path, role="cook") == "Choose a role."
        assert "no such staff role" in said(client, path, role="staff", staff_role="x")
        said(client, path, role="owner")
        assert User.objects.get(pk=alice.pk).role == Role.OWNER

    def test_role_is_given_by_owners_alone(self, alice: User) -> None:
        client = people.reauthenticated(people.staff(levels={Section.USERS: Level.EDIT}))

        words = said(client, f"/staff/users/{alice.pk}/role", role="owner")

        assert words == "Owners alone may do this."
        assert User.objects.get(pk=alice.pk).role == Role.CUSTOMER

    def test_discount_and_rate(self, client: Client, alice: User) -> None:
        path, service = f"/staff/users/{alice.pk}", cast.service()

        said(client, f"{path}/discount", percent="8.5")
        said(client, f"{path}/rate", service=service.pk, rate="0.5")

        assert Discount.objects.get().percent_e2 == 850
        assert UserRate.objects.get().rate_e8 == money.parse("0.5")
        page = client.get(path).content.decode()
        assert 'value="8.5"' in page
        assert "$0.50" in page
        assert "between 0 and 100" in said(client, f"{path}/discount", percent="x")
        assert "no service" in said(client, f"{path}/rate", service="x", rate="1")

    def test_are_copied_from_another_user_and_reset(self, client: Client, alice: User) -> None:
        service, bob = cast.service(rate="2"), cast.bob().user
        path = f"/staff/users/{alice.pk}"
        assert "no rates" in said(client, f"{path}/rates/copy", username="bob")
        assert "no user" in said(client, f"{path}/rates/copy", username="nobody")
        said(client, f"/staff/users/{bob.pk}/rate", service=service.pk, rate="0.5")

        assert "same rates" in said(client, f"{path}/rates/copy", username="bob")
        assert UserRate.objects.get(user=alice).rate_e8 == money.parse("0.5")

        assert "everybody pays" in said(client, f"{path}/rates/reset")
        assert UserRate.objects.get().user == bob
        assert "no rates" in said(client, f"{path}/rates/reset")


class TestAdjustment:
    def test_moves_up_to_the_limit_at_once(self, client: Client, alice: User) -> None:
        path = f"/staff/users/{alice.pk}/adjustment"

        said(client, path, way="take", amount="12.5", reason="a mistake")

        assert money.text(book.balance(alice.pk)) == "987.5"
        assert "a number" in said(client, path, amount="-1", reason="x")
        assert "reason" in said(client, path, amount="1", reason="")
        assert "does not hold" in said(client, path, way="take", amount="99999", reason="x") or (
            Adjustment.objects.filter(state="waiting").exists()
        )

    def test_above_it_takes_two_people(self, client: Client, alice: User) -> None:
        other = people.reauthenticated(people.owner("erin"))
        words = said(client, f"/staff/users/{alice.pk}/adjustment", amount="500", reason="big")
        one = Adjustment.objects.get()
        path = f"/staff/adjustments/{one.pk}"

        assert words == "It waits for a second person."
        assert "big" in other.get("/staff/users").content.decode()
        assert "Somebody else" in said(client, path, verdict="approve")
        assert money.text(book.balance(alice.pk)) == "1000"
        assert said(other, path, verdict="approve") == "The balance is adjusted."
        assert money.text(book.balance(alice.pk)) == "1500"
        assert "already" in said(other, path, verdict="approve")
        assert client.post("/staff/adjustments/987").status_code == 404

    def test_can_be_rejected(self, client: Client, alice: User) -> None:
        other = people.reauthenticated(people.owner("erin"))
        said(client, f"/staff/users/{alice.pk}/adjustment", amount="500", reason="big")

        words = said(other, f"/staff/adjustments/{Adjustment.objects.get().pk}", verdict="no")

        assert words == "It is rejected."
        assert money.text(book.balance(alice.pk)) == "1000"
