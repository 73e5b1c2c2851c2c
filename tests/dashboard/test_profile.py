from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.payments import currencies, low_balance
from tests import cast
from tests.dashboard.browser import signed_in

pytestmark = pytest.mark.django_db

RIGHT = {
    "display_name": "Minh Anh",
    "language": "vi",
    "time_zone": "Asia/Ho_Chi_Minh",
    "theme": "dark",
    "low_balance": "12.5",
}


class TestPage:
    def test_keeps_what_was_chosen(self) -> None:
        alice = cast.alice().user
        currencies.set_rate(code="VND", per_unit_e8=money.parse("25400"))
        client = signed_in(alice)
        client.cookies["django_language"] = "en"

        answer = client.post("/settings", RIGHT | {"second_currency": "VND"})

        assert answer["Location"] == "/settings"
        assert answer.cookies["django_language"].value == ""
        kept = User.objects.get(pk=alice.pk)
        assert (kept.display_name, kept.second_currency) == ("Minh Anh", "VND")
        assert low_balance.threshold_e8(alice.pk) == money.parse("12.5")
        del client.cookies["django_language"]
        body = client.get("/settings").content.decode()
        assert 'lang="vi" data-theme="dark"' in body
        assert 'value="12.5"' in body

    @pytest.mark.parametrize(
        "wrong",
        [
            {"time_zone": "Mars/Olympus"},
            {"language": "xx"},
            {"theme": "pink"},
            {"second_currency": "EUR"},
            {"low_balance": "some"},
            {"display_name": "x" * 61},
        ],
    )
    def test_keeps_nothing_that_is_wrong(self, wrong: dict[str, str]) -> None:
        alice = cast.alice().user
        currencies.set_rate(code="VND", per_unit_e8=money.parse("25400"))

        answer = signed_in(alice).post("/settings", RIGHT | wrong)

        assert answer.status_code == 200
        assert b"field-error" in answer.content
        assert User.objects.get(pk=alice.pk).display_name == ""

    def test_changes_nothing_else_of_a_user(self) -> None:
        alice = cast.alice().user

        signed_in(alice).post(
            "/settings", RIGHT | {"role": "owner", "is_active": "", "username": "root"}
        )

        kept = User.objects.get(pk=alice.pk)
        assert (kept.role, kept.is_active, kept.username) == ("customer", True, "alice")
