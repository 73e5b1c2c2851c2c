"""Each way to a PostgreSQL server, also those that this machine would not need."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests import postgresql

NOBODY_LISTENS = "postgresql://root@127.0.0.1:1/postgres"


class TestNamed:
    @pytest.mark.sockets
    def test_says_why_a_server_cannot_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(postgresql.Unavailable, match=r"^TEST_DATABASE_URL: "):
            postgresql.find(tmp_path, {"TEST_DATABASE_URL": NOBODY_LISTENS})


@pytest.mark.postgresql
class TestOurOwn:
    @pytest.fixture
    def short_path(self) -> Iterator[Path]:
        # A socket's path has a hundred characters at most, and pytest's folders are deep; nor may
        # `nobody` look into them.
        with tempfile.TemporaryDirectory(prefix="relaypanel-tests-") as folder:
            yield Path(folder)

    @pytest.mark.parametrize("way", [postgresql.embedded, postgresql.debian])
    def test_starts_and_stops(
        self, way: Callable[[Path], postgresql.Server], short_path: Path
    ) -> None:
        try:
            server = way(short_path)
        except postgresql.Unavailable as error:
            pytest.skip(str(error))

        with postgresql.connect(f"{server.url}/postgres") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            postgresql.connect(f"{server.url}/postgres")


class TestRunWithoutServer:
    @pytest.mark.parametrize(("settings", "code"), [({}, 0), ({"CI": "true"}, 1)])
    def test_says_so_and_fails_in_ci(self, settings: dict[str, str], code: int) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "CI"} | settings
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--database", "postgresql"],
            env=environment | {"TEST_DATABASE_URL": NOBODY_LISTENS},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == code
        assert "NO TEST WAS RUN ON POSTGRESQL." in done.stderr
