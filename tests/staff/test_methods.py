from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.payments import currencies, methods
from relaypanel.payments.models import PaymentMethod
from tests import cast
from tests.payments import till
from tests.staff import people

pytestmark = pytest.mark.django_db

FIELDS = {
    "name": "Chuyển khoản",
    "is_on": "on",
    "instructions": "Send it <today>.",
    "currency": "VND",
    "min": "5",
    "max": "2000",
    "bonus": "2.5",
    "bank_bin": "970436",
    "bank_account": "1023456789",
    "bank_holder": "NGUYEN VAN A",
    "gateway": "",
}


@pytest.fixture
def client() -> Client:
    currencies.set_rate(code="VND", per_unit_e8=money.parse("25400"))
    return people.reauthenticated(people.owner())


class TestNew:
    def test_is_offered_to_customers_after_the_others(self, client: Client) -> None:
        till.method(position=7)

        reply = client.post("/staff/payment-methods/new", FIELDS)

        assert reply["Location"] == "/staff/payment-methods"
        made = methods.on_offer()[-1]
        assert (made.name, made.currency_id, made.bonus_bp) == ("Chuyển khoản", "VND", 250)
        assert (made.min_e8, made.max_e8) == (money.parse("5"), money.parse("2000"))
        entry = AuditEntry.objects.get(act="payment_method.add")
        assert entry.subject_id == str(made.pk)
        assert entry.after["bank_account"] == "1023456789"
        customer = people.signed_in(cast.alice().user, second_factor=False)
        assert "Chuyển khoản" in customer.get("/funds").content.decode()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"name": ""}, "required"),
            ({"min": "0"}, "The least is above zero"),
            ({"min": "3000"}, "The least is above zero"),
            ({"max": "1e9"}, "An amount is a number"),
            ({"max": "900000000000"}, "An amount is a number"),
            ({"bonus": "100.01"}, "between 0 and 100"),
            ({"bonus": "1.234"}, "at most two decimals"),
            ({"bonus": "-1"}, "An amount is a number"),
            ({"currency": "ZZZ"}, "Select a valid choice"),
            ({"gateway": "odd"}, "Select a valid choice"),
            ({"bank_bin": ""}, "give both"),
            ({"bank_bin": "97043x"}, "give both"),
            ({"bank_account": "12 34"}, "give both"),
        ],
    )
    def test_is_not_made_of_what_cannot_be(
        self, client: Client, changes: dict[str, str], words: str
    ) -> None:
        reply = client.post("/staff/payment-methods/new", FIELDS | changes)

        assert reply.status_code == 200
        assert words in reply.content.decode()
        assert not PaymentMethod.objects.exists()
        assert not AuditEntry.objects.filter(act__startswith="payment_method").exists()


class TestChange:
    def test_is_written_down_with_what_was_before(self, client: Client) -> None:
        method = till.method(position=3)
        asked = till.requested(cast.alice().user, "50", by=method)
        page = client.get(f"/staff/payment-methods/{method.pk}").content.decode()
        assert 'value="1000"' in page

        client.post(f"/staff/payment-methods/{method.pk}", FIELDS | {"is_on": ""})

        method.refresh_from_db()
        assert (method.name, method.is_on, method.position) == ("Chuyển khoản", False, 3)
        entry = AuditEntry.objects.get(act="payment_method.change")
        assert (entry.before["bank_account"], entry.after["bank_account"]) == ("", "1023456789")
        asked.refresh_from_db()
        assert (asked.bonus_e8, asked.owed_currency) == (0, settings.CURRENCY)

    def test_leaves_the_secret_alone(self, client: Client) -> None:
        method, secret = till.gateway()

        client.post(f"/staff/payment-methods/{method.pk}", FIELDS | {"gateway": "signed"})

        method.refresh_from_db()
        assert methods.secret_of(method) == secret

    def test_asks_who_it_is_first(self) -> None:
        method = till.method()

        reply = people.owner().post(f"/staff/payment-methods/{method.pk}", FIELDS)

        assert "/reauthenticate/" in reply["Location"]
        method.refresh_from_db()
        assert method.bank_account == ""

    @pytest.mark.parametrize("rest", ["", "/move", "/secret"])
    def test_finds_none_that_is_absent(self, client: Client, rest: str) -> None:
        assert client.post(f"/staff/payment-methods/987{rest}", FIELDS).status_code == 404


class TestMove:
    def test_changes_places_with_the_neighbour(self, client: Client) -> None:
        first, second = till.method(name="A"), till.method(name="B")

        client.post(f"/staff/payment-methods/{second.pk}/move", {"way": "up"})
        client.post(f"/staff/payment-methods/{second.pk}/move", {"way": "up"})

        assert methods.everything() == [second, first]
        entry = AuditEntry.objects.get(act="payment_method.move")
        assert (entry.before, entry.after) == ({"place": 2}, {"place": 1})
        client.post(f"/staff/payment-methods/{second.pk}/move", {"way": "down"})
        assert methods.everything() == [first, second]


class TestSecret:
    def test_is_shown_once_and_kept_by_nobody(self, client: Client) -> None:
        method, old = till.gateway()
        path = f"/staff/payment-methods/{method.pk}"

        reply = client.post(f"{path}/secret")

        found = re.search(r"whsec_[\w+/=]+", reply.content.decode())
        assert found is not None
        method.refresh_from_db()
        assert methods.secret_of(method) == found[0] != old
        assert reply["Cache-Control"] == "no-store"
        assert "whsec_" not in client.get(path).content.decode()
        entry = AuditEntry.objects.get(act="payment_method.renew_secret")
        assert (entry.before, entry.after) == ({}, {})

    def test_is_only_for_what_a_program_confirms(self, client: Client) -> None:
        assert client.post(f"/staff/payment-methods/{till.method().pk}/secret").status_code == 404


class TestPage:
    def test_shows_those_that_are_off_and_no_way_to_change_to_who_may_look(self) -> None:
        method = till.method(name="Old way", is_on=False)
        client = people.staff(levels={Section.MONEY: Level.VIEW})

        page = client.get("/staff/payment-methods").content.decode()
        one = client.get(f"/staff/payment-methods/{method.pk}").content.decode()

        assert "Old way" in page
        assert "/move" not in page
        assert "Keep the method" not in one

    def test_asks_the_database_as_often_for_many(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        till.method()
        client.get("/staff/payment-methods")
        for _ in range(9):
            till.method(currency_id="VND")

        with django_assert_max_num_queries(9):
            assert client.get("/staff/payment-methods").status_code == 200
