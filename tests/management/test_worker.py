from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from relaypanel import preflight
from tests import family
from tests.processes import Panel


@pytest.mark.sockets
class TestWorker:
    def test_works_until_it_is_asked_to_end(self, panel_database: Callable[..., str]) -> None:
        with Panel(database_url=panel_database()) as panel:
            worker = panel.start("worker")
            family.until(lambda: "worker_started" in worker.output)

            assert worker.stop() == 0

    def test_tells_prometheus_on_loopback_when_asked_to(
        self, panel_database: Callable[..., str]
    ) -> None:
        with Panel(database_url=panel_database()) as panel:
            port = preflight.spare_port()
            worker = panel.start("worker", "--metrics-port", str(port))
            family.until(lambda: "worker_started" in worker.output)

            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
                assert b"relaypanel_database_up 1.0" in reply.read()
            assert worker.stop() == 0

    def test_does_not_start_while_migrations_are_pending(self, tmp_path: Path) -> None:
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}

        line = family.refusal("worker", environment=environment)

        assert line.endswith("are pending; run `relaypanel migrate`")
