"""R25: what tools can find in the code, the lock and a new database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relaypanel.accounts.models import User
from tests import tidy
from tests.hostile.size import tell

BIN = Path(sys.executable).parent


def bandit(*paths: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            BIN / "bandit",
            "-ll",
            "--quiet",
            "--configfile",
            "pyproject.toml",
            "--format",
            "json",
            *paths,
        ],
        cwd=tidy.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return results


class TestBandit:
    def test_finds_nothing(self) -> None:
        found = bandit("--recursive", "relaypanel")

        tell(f"R25 bandit: {len(found)} findings")
        assert [f"{it['filename']}:{it['line_number']} {it['test_id']}" for it in found] == []

    def test_finds_a_planted_statement(self, tmp_path: Path) -> None:
        """The twin: SQL made of what came in."""
        planted = tmp_path / "planted.py"
        planted.write_text('def f(cursor, name):\n    cursor.execute(f"SELECT {name} FROM t")\n')

        found = [it["test_id"] for it in bandit(str(planted))]
        tell(f"R25 twin, f-string SQL: {found}")
        assert found == ["B608"]


class TestCode:
    """Each rule has its planted faults in test_tidy.py."""

    @pytest.mark.parametrize(
        "rule", [tidy.sql_is_not_made_of_what_came_in, tidy.requests_are_read_by_name]
    )
    def test_keeps_its_rule(self, rule: Callable[[tidy.Source], Iterator[str]]) -> None:
        sources = tidy.sources()
        found = [f"{source.path}: {fault}" for source in sources for fault in rule(source)]
        tidy.forget()

        tell(f"R25 {rule.__name__}: {len(sources)} files, findings {len(found)}")
        assert found == []


class TestLock:
    def test_holds_a_hash_for_every_file(self) -> None:
        lock = tomllib.loads((tidy.ROOT / "uv.lock").read_text())
        files = [
            file
            for package in lock["package"]
            for file in [*package.get("wheels", []), package.get("sdist")]
            if file
        ]
        bare = [file["url"] for file in files if not file.get("hash", "").startswith("sha256:")]

        tell(f"R25 lock: {len(files)} files, without a hash {len(bare)}")
        assert len(files) > 100
        assert bare == []

    def test_is_what_the_environment_is_made_from(self) -> None:
        makefile = (tidy.ROOT / "Makefile").read_text()

        assert "uv sync --frozen" in makefile


class TestDeployCheck:
    def test_finds_nothing(self) -> None:
        settings = {
            "DEBUG": "false",
            "PUBLIC_URL": "https://panel.example",
            "ALLOWED_HOSTS": "panel.example",
            "TRUSTED_PROXIES": "127.0.0.1",
            "DATABASE_URL": "sqlite://:memory:",
        }
        done = subprocess.run(
            [sys.executable, "-m", "relaypanel", "check", "--deploy", "--fail-level", "WARNING"],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        tell(f"R25 check --deploy: exit code {done.returncode}")
        assert done.returncode == 0, done.stderr


@pytest.mark.django_db
class TestNewDatabase:
    def test_has_no_people(self) -> None:
        people = User.objects.count()

        tell(f"R25 accounts in a new database: {people}")
        assert people == 0
