from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.payments import topup
from relaypanel.payments.models import Currency, PaymentMethod, State, TopUp
from tests import cast
from tests.dashboard.browser import signed_in
from tests.payments import till

pytestmark = pytest.mark.django_db

FOREIGN = ("/funds/{}", "/funds/{}/code.svg")
POSTED = ("/funds/{}/paid", "/funds/{}/cancel")


def body_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def vietqr(**fields: object) -> PaymentMethod:
    dong, _ = Currency.objects.get_or_create(
        code="VND", defaults={"per_unit_e8": money.parse("25400")}
    )
    bank = {"bank_bin": "970436", "bank_account": "1023456789", "bank_holder": "NGUYEN VAN A"}
    return till.method(currency=dong, **bank | fields)


class TestPage:
    def test_offers_the_methods_that_are_on(self) -> None:
        till.method(name="Cash at the till", bonus_bp=250)
        till.method(name="An old one", is_on=False)

        body = body_of(signed_in(cast.alice().user), "/funds")

        assert "Cash at the till" in body
        assert "+2.5%" in body
        assert "An old one" not in body

    def test_says_so_when_there_is_no_method(self) -> None:
        assert "Nothing to pay with yet" in body_of(signed_in(cast.alice().user), "/funds")

    def test_lists_the_users_own_top_ups_page_by_page(self) -> None:
        alice, method = cast.alice().user, till.method()
        for _ in range(25):
            wanted = till.requested(alice, by=method)
            TopUp.objects.filter(pk=wanted.pk).update(state=State.CANCELED, ended_at=cast.NOW)
        foreign = till.requested(cast.bob().user)
        client = signed_in(alice)

        first = body_of(client, "/funds")

        assert first.count("Canceled") == 20
        assert foreign.reference not in first
        before = TopUp.objects.filter(user=alice).order_by("-pk")[19].pk
        assert f"?before={before}" in first
        assert body_of(client, f"/funds?before={before}").count("Canceled") == 5
        assert body_of(client, "/funds?before=x").count("Canceled") == 20

    def test_costs_few_queries(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        alice = cast.alice().user
        for _ in range(3):
            till.requested(alice)
        client = signed_in(alice)
        body_of(client, "/funds")

        # The session, the user, methods, top-ups, and what the frame shows: balance and notices.
        with django_assert_num_queries(QUERIES_OF_THE_FRAME + 2):
            body_of(client, "/funds")

    def test_shows_a_second_currency_roughly(self) -> None:
        alice = cast.alice(balance="10").user
        Currency.objects.create(code="VND", per_unit_e8=money.parse("25400"))
        alice.second_currency = "VND"
        alice.save(update_fields=["second_currency"])

        assert "≈ ₫254,000" in body_of(signed_in(alice), "/funds")

    def test_is_for_those_who_are_signed_in(self, client: Client) -> None:
        for path in ("/funds", "/funds/1", "/funds/statement", "/funds/statement.csv"):
            assert client.get(path).status_code == 302


QUERIES_OF_THE_FRAME = 7


class TestAsk:
    def test_leads_to_what_to_do(self) -> None:
        alice, method = cast.alice().user, vietqr()
        client = signed_in(alice)

        answer = client.post("/funds/topups", {"method": method.pk, "amount": "50"})

        wanted = TopUp.objects.get()
        assert answer["Location"] == f"/funds/{wanted.pk}"
        body = body_of(client, f"/funds/{wanted.pk}")
        assert "₫1,270,000" in body
        assert 'data-copy="1270000"' in body
        assert body.count(wanted.reference) > 1
        assert f"/funds/{wanted.pk}/code.svg" in body

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("much", "Write the amount in digits"),
            ("", "This field is required"),
            ("0.5", "Choose an amount from $1.00 to $1,000.00."),
            ("1.001", "Use at most two decimals."),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(self, amount: str, words: str) -> None:
        method = till.method()
        client = signed_in(cast.alice().user)

        answer = client.post("/funds/topups", {"method": method.pk, "amount": amount})

        assert words in answer.content.decode()
        assert not TopUp.objects.exists()

    @pytest.mark.parametrize("method", ["", "x", "999999", "9" * 30])
    def test_takes_no_method_that_is_not_offered(self, method: str) -> None:
        till.method()

        answer = signed_in(cast.alice().user).post(
            "/funds/topups", {"method": method, "amount": "50"}
        )

        assert answer.status_code == 200
        assert not TopUp.objects.exists()

    def test_asks_to_finish_those_that_are_open(self) -> None:
        alice, method = cast.alice().user, till.method()
        for _ in range(topup.OPEN_MAX):
            till.requested(alice)

        answer = signed_in(alice).post("/funds/topups", {"method": method.pk, "amount": "50"})

        assert "several open top-ups" in answer.content.decode()


class TestInstructions:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (State.CONFIRMED, "is on your balance"),
            (State.REJECTED, "<p>No transfer.</p><p>If you have sent the money, write to us"),
            (State.CANCELED, "Nothing is waited for any more"),
            (State.EXPIRED, "Nothing is waited for any more"),
        ],
    )
    def test_say_how_it_ended(self, state: State, words: str) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)
        TopUp.objects.filter(pk=wanted.pk).update(
            state=state, ended_at=cast.NOW, by_gateway=True, reason="No transfer."
        )

        body = body_of(signed_in(alice), f"/funds/{wanted.pk}")

        assert words in body
        assert "I have sent it" not in body

    def test_of_somebody_else_answer_like_none(self) -> None:
        foreign = till.requested(cast.bob().user, by=vietqr())
        client = signed_in(cast.alice().user)

        for path in FOREIGN:
            answers = [client.get(path.format(pk)) for pk in (foreign.pk, foreign.pk + 1)]
            assert [answer.status_code for answer in answers] == [404, 404]
        for path in POSTED:
            answers = [client.post(path.format(pk)) for pk in (foreign.pk, foreign.pk + 1)]
            assert [answer.status_code for answer in answers] == [404, 404]


class TestCode:
    def test_is_drawn_for_a_bank_account_in_dong(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice, by=vietqr())

        answer = signed_in(alice).get(f"/funds/{wanted.pk}/code.svg")

        assert answer["Content-Type"] == "image/svg+xml"
        assert b"<svg" in answer.content

    def test_is_not_drawn_for_anything_else(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice, by=till.method())

        assert signed_in(alice).get(f"/funds/{wanted.pk}/code.svg").status_code == 404


class TestSayPaidAndCancel:
    @pytest.mark.parametrize(("path", "state"), [("paid", State.PAID), ("cancel", State.CANCELED)])
    def test_move_it_once(self, path: str, state: State) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)
        client = signed_in(alice)

        client.post(f"/funds/{wanted.pk}/{path}")
        again = client.post(f"/funds/{wanted.pk}/cancel", follow=True)

        wanted.refresh_from_db()
        assert wanted.state == state
        assert "Nothing was changed" in again.content.decode()
        assert client.post(f"/funds/{wanted.pk}/paid").status_code == 302
