from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from relaypanel import checks, preflight
from relaypanel.management.commands.init import Command
from tests import family


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "panel.env"
    monkeypatch.setenv("RELAYPANEL_ENV_FILE", str(path))
    return path


class TestInit:
    def test_writes_keys_that_the_settings_take(
        self, env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SECRET_KEY")
        monkeypatch.delenv("FIELD_KEYS")

        Command().handle()

        env = environ.Env()
        env.read_env(env_file)
        assert len(checks.secret_key(env)) > 50
        assert len(checks.field_keys(env)) == 1

    def test_writes_other_keys_each_time(self, env_file: Path) -> None:
        Command().handle()
        first = env_file.read_text()
        env_file.unlink()

        Command().handle()

        assert not set(first.splitlines()) & set(env_file.read_text().splitlines())

    def test_lets_nobody_else_read_it(self, env_file: Path) -> None:
        before = os.umask(0)
        try:
            Command().handle()
        finally:
            os.umask(before)

        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600

    def test_prints_no_key(self, env_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Command().handle()

        said = capsys.readouterr().out
        assert str(env_file) in said
        for line in env_file.read_text().splitlines():
            assert line.partition("=")[2] not in said

    def test_leaves_an_existing_file_alone(
        self, env_file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        env_file.write_text("CURRENCY=VND\n")

        Command().handle()

        assert env_file.read_text() == "CURRENCY=VND\n"
        assert capsys.readouterr().out == f"{env_file} is there already; it was left as it is.\n"

    def test_says_why_it_cannot_write(
        self, env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RELAYPANEL_ENV_FILE", str(env_file / "below"))

        with pytest.raises(preflight.CannotStart, match=r"cannot write .*below: No such file"):
            Command().handle()

    def test_works_before_there_is_any_key_and_then_the_panel_starts(self, env_file: Path) -> None:
        bare = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "RELAYPANEL_ENV_FILE")}
        command = [sys.executable, "-m", "relaypanel"]

        assert "SECRET_KEY" in family.refusal("check", environment=bare)
        subprocess.run([*command, "init"], env=bare, check=True, stdout=subprocess.DEVNULL)

        subprocess.run([*command, "check"], env=bare, check=True, stdout=subprocess.DEVNULL)
