"""The routes of users and payments, each by its literal reply."""

from __future__ import annotations

from typing import Any

import pytest

from relaypanel.accounts.models import AuditEntry, Role, Section, StaffRight, StaffRole, User
from relaypanel.ledger import audit, book, members
from relaypanel.ledger.models import Transfer
from tests import cast
from tests.adminapi.client import Bot, acts, everything, refusal

pytestmark = pytest.mark.django_db


class TestUsers:
    def test_are_listed_latest_first_without_staff(self) -> None:
        alice = cast.alice(balance="12.5").user
        bob = cast.bob().user
        cast.carol()

        def literal(user: User, balance: str) -> dict[str, Any]:
            return {
                "id": user.pk,
                "username": user.username,
                "email": "",
                "balance": {"value": balance, "currency_code": "USD"},
                "status": "active",
                "created": "2026-11-24 12:00:00",
            }

        assert Bot().get("/users") == {
            "data": {"count": 2, "list": [literal(bob, "0"), literal(alice, "12.5")]},
            "pagination": {"next_page_href": ""},
            "error_message": "",
            "error_code": 0,
        }

    def test_are_found_by_name_and_address(self) -> None:
        alice = cast.alice().user
        User.objects.filter(pk=alice.pk).update(email="alice@example.com")
        cast.bob()
        bot = Bot()

        assert bot.get("/users", username="Alice")["data"]["count"] == 1
        assert bot.get("/users", email="ALICE@example.com")["data"]["count"] == 1
        assert bot.get("/users", username="nobody")["data"] == {"count": 0, "list": []}
        assert bot.get("/users", username="olga")["data"]["count"] == 0

    def test_lead_from_page_to_page(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        bot = Bot()

        first = bot.get("/users", limit=1)
        href = first["pagination"]["next_page_href"]

        assert href == f"/adminapi/v2/users?limit=1&cursor={bob.pk}"
        (row,) = bot.get(href.removeprefix("/adminapi/v2"))["data"]["list"]
        assert row["id"] == alice.pk

    def test_show_no_money_to_a_role_that_may_see_none(self) -> None:
        cast.alice(balance="12.5")
        role = StaffRole.objects.create(name="Reads people")
        StaffRight.objects.create(role=role, section=Section.USERS, may_edit=False)
        carol = cast.carol().user
        User.objects.filter(pk=carol.pk).update(staff_role=role)
        carol.refresh_from_db()
        bot = Bot(user=carol)

        (row,) = bot.get("/users")["data"]["list"]

        assert row["balance"] is None
        assert bot.get("/payments")["error_code"] == 102
        assert bot.post("/payments/add", username="alice", amount="1")["error_code"] == 102
        assert bot.post("/users/add", username="dora")["error_code"] == 102


class TestAddUser:
    def test_makes_a_customer_who_can_order(self) -> None:
        said: dict[str, Any] = {
            "username": "dora",
            "email": "dora@example.com",
            "password": "correct horse 9",
        }

        told = Bot().post("/users/add", **said)

        dora = User.objects.get(username="dora")
        assert told["data"] == {
            "id": dora.pk,
            "username": "dora",
            "email": "dora@example.com",
            "balance": {"value": "0", "currency_code": "USD"},
            "status": "active",
            "created": f"{dora.joined_at:%Y-%m-%d %H:%M:%S}",
        }
        assert dora.role == Role.CUSTOMER
        assert dora.check_password("correct horse 9")
        assert book.balance(dora.pk) == 0
        assert acts() == ["admin_api.user.add"]
        assert "correct horse 9" not in str(AuditEntry.objects.latest("pk").after)

    @pytest.mark.parametrize(
        ("said", "code", "words"),
        [
            ({"username": ""}, 103, "Bad or missing field: username."),
            ({"username": "a\0"}, 103, "Bad or missing field: username."),
            ({"username": 7}, 103, "Bad or missing field: username."),
            ({"username": "Alice"}, 104, "This username is taken."),
            ({"username": "ü"}, 103, "username: 3 to 60 letters, digits or any of _ . @ + -"),
            ({"email": "nobody"}, 103, "This is no e-mail address."),
            ({"password": "123"}, 103, "The password is too weak."),
        ],
    )
    def test_is_refused(self, said: dict[str, Any], code: int, words: str) -> None:
        cast.alice()
        bot = Bot()
        before = everything()
        good = {"username": "dora", "email": "dora@example.com", "password": "correct horse 9"}

        assert bot.post("/users/add", **good | said) == refusal(code, words)
        assert everything() == before


class TestPayments:
    def test_are_added_through_the_ledger_and_listed(self) -> None:
        alice = members.enrol(username="ann", password=None, role=Role.CUSTOMER, now=cast.NOW).user
        bot = Bot()

        told = bot.post(
            "/payments/add",
            username="Ann",
            amount=10.05,
            method="Bank",
            memo="ref 7",
            affiliate_commission=False,
        )
        listed = bot.get("/payments", user="ann")

        transfer = Transfer.objects.get()
        literal = {
            "payment_id": transfer.pk,
            "user": "ann",
            "amount": {"value": "10.05", "currency_code": "USD"},
            "memo": "Bank: ref 7",
            "status": "completed",
            "created": f"{transfer.created_at:%Y-%m-%d %H:%M:%S}",
        }
        balance = {"value": "10.05", "currency_code": "USD"}
        user = {
            "id": alice.pk,
            "username": "ann",
            "email": "",
            "balance": balance,
            "status": "active",
            "created": "2026-11-24 12:00:00",
        }
        assert told == {
            "data": literal | {"user": user},
            "error_message": "",
            "error_code": 0,
        }
        assert listed == {
            "data": {"count": 1, "list": [literal]},
            "pagination": {"next_page_href": ""},
            "error_message": "",
            "error_code": 0,
        }
        assert acts() == ["payment.add", "admin_api.payment.add"]
        assert not list(audit.prove())

    @pytest.mark.parametrize("by_header", [True, False])
    def test_are_added_once_under_one_name(self, by_header: bool) -> None:
        alice, bot = cast.alice().user, Bot()
        headers = {"Idempotency-Key": "tx-1"} if by_header else {}
        said = {"user_id": alice.pk, "amount": {"value": "3", "currency_code": "USD"}}
        said |= {} if by_header else {"reference": "tx-1"}

        first = bot.post("/payments/add", headers=headers, **said)
        second = bot.post("/payments/add", headers=headers, **said)
        other = bot.post("/payments/add", headers=headers, **said | {"amount": "4"})

        assert first["data"]["payment_id"] == second["data"]["payment_id"]
        assert other == refusal(104, "Another payment has this reference.")
        assert book.balance(alice.pk) == 300_000_000

    @pytest.mark.parametrize(
        ("said", "code", "words"),
        [
            ({"amount": "-1"}, 103, "Bad or missing field: amount."),
            ({"amount": "0"}, 103, "amount is above nothing."),
            ({"amount": "1e3"}, 103, "Bad or missing field: amount."),
            ({"amount": None}, 103, "Bad or missing field: amount."),
            ({"username": "nobody"}, 103, "There is no such user."),
            ({"username": "olga"}, 103, "There is no such user."),
            ({"user_id": 10**17}, 103, "There is no such user."),
            ({"reference": "a\nb"}, 103, "The reference has 1 to 80 printable characters."),
        ],
    )
    def test_are_refused(self, said: dict[str, Any], code: int, words: str) -> None:
        cast.alice()
        bot = Bot()
        before = everything()

        told = bot.post("/payments/add", **{"username": "alice", "amount": "1"} | said)

        assert told == refusal(code, words)
        assert everything() == before
        assert acts() == []
