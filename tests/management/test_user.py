from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from relaypanel import money
from relaypanel.accounts import keys
from relaypanel.accounts.models import Role, User
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code, Transfer
from tests import cast

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("user", *arguments, stdout=out)
    return out.getvalue()


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def said_key(said: str) -> str:
    match = re.search("^API key: ([0-9a-f]{32})$", said, re.MULTILINE)
    assert match is not None
    return match[1]


class TestCreate:
    def test_makes_a_customer_and_prints_the_key(self) -> None:
        said = run("create", "alice")

        alice = User.objects.get()
        assert said == f"Created alice.\nAPI key: {keys.reveal(alice)}\n"
        assert alice.role == Role.CUSTOMER
        assert not alice.has_usable_password()
        assert book.balance(alice.pk) == 0

    def test_takes_a_password_from_a_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, "a long sentence\n")

        said = run("create", "alice", "--password-stdin")

        assert User.objects.get().check_password("a long sentence")
        assert "sentence" not in said

    def test_takes_no_empty_password_for_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        typed(monkeypatch, "")

        with pytest.raises(CommandError, match="too short"):
            run("create", "alice", "--password-stdin")

        assert not User.objects.exists()

    def test_refuses_a_name_that_is_taken(self) -> None:
        cast.alice()

        with pytest.raises(CommandError, match='The username "ALICE" is taken'):
            run("create", "ALICE")


class TestKey:
    def test_issues_a_new_key_and_prints_it(self) -> None:
        alice = cast.alice()

        key = said_key(run("key", "alice"))

        assert key == keys.reveal(alice.user)
        assert keys.find(alice.api_key, address=None) is None


class TestSuspend:
    def test_shuts_the_user_out_until_resumed(self) -> None:
        alice = cast.alice()

        assert run("suspend", "alice") == "alice is suspended: no pages, no API.\n"
        assert keys.find(alice.api_key, address=None) is None

        assert run("resume", "alice") == "alice may use the pages and the API again.\n"
        assert keys.find(alice.api_key, address=None) is not None


class TestNetworks:
    def test_shows_that_all_addresses_are_allowed(self) -> None:
        cast.alice()

        assert run("networks", "alice") == "alice may use the API from all addresses.\n"

    def test_takes_the_list_from_a_file(self, tmp_path: Path) -> None:
        cast.alice()
        file = tmp_path / "networks.txt"
        # As Windows writes it: a byte-order mark and two characters at the end of a line.
        file.write_bytes("\ufeff192.168.1.5/24\r\n\r\n::1\r\n".encode())

        said = run("networks", "alice", "--set", str(file))

        assert said == "192.168.1.0/24\n::1\n"
        assert run("networks", "alice") == said

    def test_takes_the_list_from_a_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice = cast.alice()
        typed(monkeypatch, "203.0.113.7\n")

        run("networks", "alice", "--set", "-")

        assert keys.find(alice.api_key, address="203.0.113.7") is not None
        assert keys.find(alice.api_key, address="203.0.113.8") is None

    def test_allows_all_again_by_an_empty_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cast.alice()
        typed(monkeypatch, "203.0.113.7\n")
        run("networks", "alice", "--set", "-")
        typed(monkeypatch, "")

        said = run("networks", "alice", "--set", "-")

        assert said == "alice may use the API from all addresses.\n"

    @pytest.mark.parametrize("content", [b"junk", b"\xff\xfe1\x00"])
    def test_says_in_one_line_what_is_wrong(self, tmp_path: Path, content: bytes) -> None:
        cast.alice()
        file = tmp_path / "networks.txt"
        file.write_bytes(content)

        with pytest.raises(CommandError) as refused:
            run("networks", "alice", "--set", str(file))

        assert "\n" not in str(refused.value)
        assert User.objects.get().api_networks == ""

    def test_says_so_when_there_is_no_file(self, tmp_path: Path) -> None:
        cast.alice()

        with pytest.raises(CommandError, match=r"Cannot read .*No such file"):
            run("networks", "alice", "--set", str(tmp_path / "absent"))


class TestDeposit:
    def test_adds_money_to_the_balance(self) -> None:
        alice = cast.alice(balance="1")

        said = run("deposit", "alice", "12.5", "--reference", "bank 4711")

        assert said == "alice paid 12.5 USD; the balance is 13.5 USD.\n"
        assert book.balance(alice.user.pk) == money.parse("13.5")
        transfer = Transfer.objects.get(key="deposit:bank 4711")
        assert (transfer.debit_id, transfer.credit_id) == (chart.CASH, alice.user.pk)
        assert (transfer.amount_e8, transfer.code) == (money.parse("12.5"), Code.DEPOSIT)

    def test_pays_once_by_the_same_reference_and_says_so(self) -> None:
        alice = cast.alice()
        run("deposit", "alice", "12.5", "--reference", "bank 4711")

        said = run("deposit", "alice", "12.50", "--reference", " bank 4711 ")

        assert said == (
            'alice already paid 12.5 USD by "bank 4711"; nothing was added, '
            "the balance is 12.5 USD.\n"
        )
        assert book.balance(alice.user.pk) == money.parse("12.5")

    @pytest.mark.parametrize(("name", "amount"), [("alice", "12.6"), ("bob", "12.5")])
    def test_refuses_the_reference_of_another_deposit(self, name: str, amount: str) -> None:
        alice, bob = cast.alice(), cast.bob()
        run("deposit", "alice", "12.5", "--reference", "bank 4711")

        with pytest.raises(CommandError, match='"bank 4711" is the reference of another deposit'):
            run("deposit", name, amount, "--reference", "bank 4711")

        assert book.balance(alice.user.pk) == money.parse("12.5")
        assert book.balance(bob.user.pk) == 0

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("0", "more than 0"),
            ("0.00", "more than 0"),
            ("1e3", "Cannot deposit '1e3'"),
            ("1,000", "Cannot deposit"),
            ("0.123456789", "at most eight decimals"),
            ("99999999999", "larger than an account can hold"),
        ],
    )
    def test_refuses_what_is_no_amount(self, amount: str, words: str) -> None:
        alice = cast.alice()

        with pytest.raises(CommandError, match=words):
            run("deposit", "alice", amount, "--reference", "bank 4711")

        assert book.balance(alice.user.pk) == 0

    def test_refuses_more_than_an_account_can_hold(self) -> None:
        alice = cast.alice(balance="90000000000")

        with pytest.raises(CommandError, match="no room"):
            run("deposit", "alice", "0.00000001", "--reference", "bank 4711")

        assert book.balance(alice.user.pk) == money.MAX_E8

    @pytest.mark.parametrize("reference", ["", "  ", "a\nb", "a\x00", "\udcff", "x" * 101])
    def test_refuses_a_reference_that_nobody_could_write_down(self, reference: str) -> None:
        alice = cast.alice()

        with pytest.raises(CommandError, match="1 to 100 printable characters"):
            run("deposit", "alice", "1", "--reference", reference)

        assert book.balance(alice.user.pk) == 0

    def test_takes_the_longest_reference(self) -> None:
        alice = cast.alice()

        run("deposit", "alice", "1", "--reference", "đ" * 100)

        assert book.balance(alice.user.pk) == money.ONE_E8


class TestBalance:
    def test_prints_the_balance(self) -> None:
        cast.alice(balance="100.84292")

        assert run("balance", "Alice") == "100.84292 USD\n"


class TestUser:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("key", "nobody"),
            ("suspend", "nobody"),
            ("resume", "nobody"),
            ("networks", "nobody"),
            ("deposit", "nobody", "1", "--reference", "r"),
            ("balance", "nobody"),
        ],
    )
    def test_says_that_there_is_no_such_user(self, arguments: tuple[str, ...]) -> None:
        with pytest.raises(CommandError, match="There is no user 'nobody'"):
            run(*arguments)


class TestLimit:
    def test_shows_that_it_is_as_for_everybody(self) -> None:
        cast.alice()

        assert run("limit", "alice") == "alice may call the API as often as everybody.\n"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("600", "alice may call the API 600 times a minute.\n"),
            ("none", "alice may call the API any number of times a minute.\n"),
            ("default", "alice may call the API as often as everybody.\n"),
        ],
    )
    def test_is_set(self, text: str, words: str) -> None:
        cast.alice()

        assert run("limit", "alice", "--set", text) == words
        assert run("limit", "alice") == words

    @pytest.mark.parametrize("text", ["0", "-1", "1e3", "１２", "123456789", "many"])
    def test_refuses_what_is_no_number(self, text: str) -> None:
        cast.alice()

        with pytest.raises(CommandError, match="write a number of calls"):
            run("limit", "alice", "--set", text)
