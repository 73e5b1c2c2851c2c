"""The processes of tests/processes.py: what tests of the whole lean on."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.processes import Panel, Process

pytestmark = pytest.mark.sockets


def listens(process: Process) -> bool:
    try:
        urllib.request.urlopen(process.url, timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class TestPanel:
    def test_runs_a_command_on_its_database(self, panel_database: Callable[..., str]) -> None:
        with Panel(database_url=panel_database()) as panel:
            assert panel.run("migrate", "--check") == ""

    def test_shows_what_a_failed_command_wrote(self, panel_database: Callable[..., str]) -> None:
        with (
            Panel(database_url=panel_database(), CURRENCY="dollars") as panel,
            pytest.raises(AssertionError, match="CURRENCY: "),
        ):
            panel.run("audit")

    def test_listens_when_it_has_started(self, panel_database: Callable[..., str]) -> None:
        with Panel(database_url=panel_database()) as panel:
            web = panel.start("web")

            form = b"key=nobody&action=balance"
            with urllib.request.urlopen(f"{web.url}/api/v2", form, timeout=10) as reply:
                assert b"error" in reply.read()

            assert web.stop() == 0

    def test_shows_why_it_does_not_start(self, panel_database: Callable[..., str]) -> None:
        with (
            pytest.raises(AssertionError, match="CURRENCY: ") as caught,
            Panel(database_url=panel_database(), CURRENCY="dollars") as panel,
        ):
            panel.start("web")

        assert "CURRENCY: " in caught.value.__notes__[0]

    def test_ends_whatever_it_started(self, panel_database: Callable[..., str]) -> None:
        with Panel(database_url=panel_database()) as panel:
            processes = [panel.simulator(), panel.start("web")]
            worker = panel.start("worker")
            assert all(listens(process) for process in processes)

        assert not any(listens(process) for process in processes)
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)
