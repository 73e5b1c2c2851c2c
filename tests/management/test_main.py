from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, ProgrammingError

from relaypanel import __main__, processes
from relaypanel.management import commands
from relaypanel.preflight import CannotStart
from tests import family


class TestOverview:
    @pytest.mark.parametrize("arguments", [[], ["help"], ["-h"], ["--help"]])
    def test_lists_our_commands(
        self,
        arguments: list[str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["relaypanel", *arguments])

        assert __main__.main() == 0

        shown = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line]
        assert shown[1:-2] == list(__main__.COMMANDS)

    def test_names_every_command_there_is(self) -> None:
        ours = {module.name for module in pkgutil.iter_modules(commands.__path__)}

        assert set(__main__.COMMANDS) == ours | {"migrate"}

    def test_needs_no_setting_and_loads_no_framework(self) -> None:
        script = "import sys; from relaypanel.__main__ import main; main(); print(*sys.modules)"

        done = subprocess.run(
            [sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True
        )

        assert "init" in done.stdout
        assert "django" not in done.stdout.splitlines()[-1]


class TestMain:
    def test_runs_a_command_of_django(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", "help", "check"])

        assert __main__.main() == 0

        assert capsys.readouterr().out.startswith("usage: relaypanel check")

    def test_says_one_line_when_it_cannot(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = tmp_path / "none" / ".env"
        monkeypatch.setenv("RELAYPANEL_ENV_FILE", str(path))
        monkeypatch.setattr(sys, "argv", ["relaypanel", "init"])

        assert __main__.main() == 2

        said = capsys.readouterr().err
        assert said == f"relaypanel: cannot write {path}: No such file or directory\n"

    def test_ends_quietly_by_ctrl_c(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["relaypanel", "shell", "-c", "raise KeyboardInterrupt"])

        assert __main__.main() == 130

    def test_lets_a_bug_show_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # What Django raises for an app without the module it was asked about: no operator's fault.
        monkeypatch.setattr(sys, "argv", ["relaypanel", "test", "--testrunner", "no.such.Runner"])

        with pytest.raises(ModuleNotFoundError):
            __main__.main()

    def test_ends_with_the_supervisor_that_started_it(self) -> None:
        stranger_pid = os.getpid() + 1
        environment = os.environ | {processes.PARENT_VARIABLE: str(stranger_pid)}

        done = subprocess.run(
            [sys.executable, "-m", "relaypanel", "simulator", "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=family.LIMIT_SECONDS,
            check=False,
        )

        # Killed before it could listen, or drained after.
        assert done.returncode in (-15, 0)


class TestExplain:
    @pytest.mark.parametrize(
        ("error", "line"),
        [
            (ImproperlyConfigured("CURRENCY: write it."), "CURRENCY: write it."),
            (CannotStart("the port is in use"), "the port is in use"),
            (
                OperationalError("connection failed:\n\tno route\nto host"),
                "DATABASE_URL: the database cannot be used: connection failed: no route to host",
            ),
            (
                OperationalError("no such table: accounts_user"),
                "the database lacks tables of this release; run `relaypanel migrate`",
            ),
            (ProgrammingError("syntax error"), None),
            (IntegrityError("UNIQUE constraint failed"), None),
            (AssertionError("a bug"), None),
            (
                UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
                "what was typed is no UTF-8; set the terminal to it",
            ),
            (UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)"), None),
        ],
    )
    def test_says_what_to_do(self, error: Exception, line: str | None) -> None:
        assert __main__.explain(error) == line

    def test_knows_how_postgresql_names_a_table_that_is_not_there(self) -> None:
        error = ProgrammingError('relation "accounts_user" does not exist')
        error.__cause__ = psycopg.errors.UndefinedTable()

        assert "relaypanel migrate" in (__main__.explain(error) or "")


class TestBadSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SECRET_KEY", ""),
            ("SECRET_KEY", "changeme"),
            ("FIELD_KEYS", ""),
            ("FIELD_KEYS", "c2hvcnQ="),
            ("ALLOWED_HOSTS", "*"),
            ("CURRENCY", "dollars"),
            ("TRUSTED_PROXIES", "10.0.0.1/8"),
            ("DATABASE_URL", "mysql://root@127.0.0.1/panel"),
            ("DATABASE_URL", "sqlite:////dev/null/below/panel.sqlite3"),
        ],
    )
    def test_refuses_to_start_and_names_the_variable(self, name: str, value: str) -> None:
        line = family.refusal("serve", environment=os.environ | {name: value})

        assert line.startswith(f"relaypanel: {name}: ")


class TestUnreachableDatabase:
    @pytest.mark.parametrize("command", ["audit", "migrate", "serve", "web", "worker"])
    def test_is_one_line_without_the_password(self, command: str) -> None:
        # Port 1 of this machine: nobody listens there, and the answer comes at once.
        url = "postgresql://panel:its-password@127.0.0.1:1/panel"

        line = family.refusal(command, environment=os.environ | {"DATABASE_URL": url})

        assert line.startswith("relaypanel: DATABASE_URL: the database cannot be used: ")
        assert "its-password" not in line

    def test_is_one_line_for_a_file_that_is_none(self, tmp_path: Path) -> None:
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}"}

        line = family.refusal("migrate", environment=environment)

        assert line == "relaypanel: DATABASE_URL: the database cannot be used: " + (
            "unable to open database file"
        )

    def test_is_one_line_for_a_database_without_tables(self, tmp_path: Path) -> None:
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}

        line = family.refusal("audit", environment=environment)

        assert line.endswith("run `relaypanel migrate`")
