from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from relaypanel import demo, money
from relaypanel.accounts import keys, users
from relaypanel.accounts.models import User
from relaypanel.ledger import book
from tests import cast

pytestmark = pytest.mark.django_db


def balance(username: str) -> str:
    return money.text(book.balance(users.named(username).pk))


class TestDemo:
    def test_prints_exactly_one_json_object(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("demo", "--json")

        said = capsys.readouterr()
        people: dict[str, Any] = json.loads(said.out)
        assert said.out.count("\n") == 1
        assert said.err == ""
        assert people.keys() == {"api_path", "customer", "other", "staff", "owner"}
        assert people["api_path"] == "/api/v2"
        for part in ("customer", "other", "staff", "owner"):
            person = people[part]
            seed = {"totp_secret"} if part in ("staff", "owner") else set()
            assert person.keys() == {"username", "password", "api_key"} | seed
            user = users.named(person["username"])
            assert user.check_password(person["password"])
            assert keys.reveal(user) == person["api_key"]

    def test_prints_the_people_for_those_who_read(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("demo")

        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines] == [
            ["customer", "username=demo_customer"],
            ["other", "username=demo_other"],
            ["staff", "username=demo_staff"],
            ["owner", "username=demo_owner"],
        ]
        assert lines[0].endswith(f" api_key={keys.reveal(users.named('demo_customer'))}")

    def test_takes_balances_to_the_last_digit(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("demo", "--json", "--balance", "87654321098.76543", "--other-balance=0.51")

        assert (balance("demo_customer"), balance("demo_other")) == ("87654321098.76543", "0.51")

    def test_gives_much_to_one_and_little_to_the_other(self) -> None:
        call_command("demo", "--json")

        assert (balance("demo_customer"), balance("demo_other")) == ("100000", "1")

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("--balance=1e9", "argument --balance: not an amount"),
            ("--balance=-1", "argument --balance: not an amount"),
            ("--other-balance=99999999999", "larger than an account can hold"),
        ],
    )
    def test_refuses_what_is_no_balance(self, option: str, words: str) -> None:
        with pytest.raises(CommandError, match=words):
            call_command("demo", option)

        assert not User.objects.exists()

    def test_leaves_a_real_shop_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        cast.provider()

        with pytest.raises(CommandError, match="providers of its own") as refused:
            call_command("demo", "--json")

        assert str(refused.value) == str(demo.NotADemo())
        assert capsys.readouterr().out == ""
