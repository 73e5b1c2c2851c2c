from __future__ import annotations

import getpass
import io
from collections.abc import Callable, Iterator

import pytest
from django.core.management import CommandError, call_command

from relaypanel.accounts.models import Role, User
from relaypanel.ledger import book

PASSWORD = "a long sentence"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("createstaff", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answers each question at a terminal with the next of these words; None: Ctrl-D."""

    def answer(*words: str | None) -> None:
        left: Iterator[str | None] = iter(words)

        def ask(prompt: str) -> str:
            word = next(left)
            if word is None:
                raise EOFError
            return word

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr(getpass, "getpass", ask)

    return answer


@pytest.mark.django_db
class TestCreatestaff:
    def test_creates_the_owner_with_a_password_from_a_terminal(
        self, typed: Callable[..., None]
    ) -> None:
        typed(PASSWORD, PASSWORD)

        said = run("--username", "dora", "--email", "dora@example.com")

        dora = User.objects.get()
        assert said == "Created owner dora.\n"
        assert (dora.role, dora.email) == (Role.OWNER, "dora@example.com")
        assert dora.check_password(PASSWORD)
        assert book.balance(dora.pk) == 0

    @pytest.mark.parametrize("line", [PASSWORD, f"{PASSWORD}\n", f"{PASSWORD}\r\nmore\n"])
    def test_creates_staff_with_a_password_from_a_pipe(
        self, monkeypatch: pytest.MonkeyPatch, line: str
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(line))

        said = run("--username", "carol", "--role", "staff", "--password-stdin")

        assert said == "Created staff carol.\n"
        assert User.objects.get().role == Role.STAFF
        assert str(User.objects.get().staff_role) == "Support"
        assert User.objects.get().check_password(PASSWORD)

    def test_refuses_two_passwords_that_differ(self, typed: Callable[..., None]) -> None:
        typed(PASSWORD, PASSWORD.upper())

        with pytest.raises(CommandError, match="passwords differ") as refused:
            run("--username", "dora")

        assert PASSWORD not in str(refused.value)
        assert not User.objects.exists()

    def test_ends_quietly_when_no_password_is_given(self, typed: Callable[..., None]) -> None:
        typed(None)

        with pytest.raises(CommandError, match="nobody was created"):
            run("--username", "dora")

        assert not User.objects.exists()

    def test_asks_nobody_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))

        with pytest.raises(CommandError, match="--password-stdin"):
            run("--username", "dora")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--username", "d"), "A username has 3 to 60 letters"),
            (("--username", "dora", "--email", "dora"), "not an e-mail address"),
            (("--username", "dora", "--role", "customer"), "invalid choice: 'customer'"),
            ((), "--username"),
            (
                ("--username", "dora", "--role", "staff", "--staff-role", "Cook"),
                "There is no such staff role. There are: Accountant, Manager, Support.",
            ),
        ],
    )
    def test_says_in_one_line_what_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
    ) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))

        with pytest.raises(CommandError, match=words) as refused:
            run(*arguments, "--password-stdin")

        assert "\n" not in str(refused.value)
        assert not User.objects.exists()

    def test_says_in_one_line_why_a_password_is_weak(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("12345\n"))

        with pytest.raises(CommandError, match="too short") as refused:
            run("--username", "dora", "--password-stdin")

        assert "\n" not in str(refused.value)
        assert "12345" not in str(refused.value)
        assert not User.objects.exists()
