from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from relaypanel import preflight
from tests import family
from tests.processes import Panel, Process


@pytest.fixture
def panel(panel_database: Callable[..., str]) -> Iterator[Panel]:
    with Panel(database_url=panel_database()) as panel:
        yield panel


@pytest.mark.sockets
class TestServe:
    def test_runs_the_web_and_a_worker_until_it_is_asked_to_end(self, panel: Panel) -> None:
        server = panel.start("serve")
        family.until(lambda: "worker_started" in server.output)
        children = family.descendants(server.pid)

        assert server.stop() == 0

        assert "program_ended_and_starts_again" not in server.output
        assert not any(family.is_alive(child) for child in children)
        assert not family.listens(server.url)

    def test_lets_the_worker_tell_prometheus(self, panel: Panel) -> None:
        port = preflight.spare_port()
        server = panel.start("serve", "--metrics-port", str(port))
        family.until(lambda: "worker_started" in server.output)

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            assert b"relaypanel_database_up 1.0" in reply.read()

    def test_starts_again_what_was_killed(self, panel: Panel) -> None:
        server = panel.start("serve")
        web = _pid(server, "web")

        os.kill(web, signal.SIGKILL)

        family.until(lambda: "program=web exit_code=-9 pause_seconds=1" in server.output)
        family.until(lambda: server.output.count("program_started program=web") == 2)
        family.until(lambda: family.listens(server.url))

    def test_leaves_nobody_behind_when_it_is_killed(self, panel: Panel) -> None:
        server = panel.start("serve")
        family.until(lambda: "worker_started" in server.output)
        children = family.descendants(server.pid)
        assert len(children) == 3  # the web and its process, the worker

        os.kill(server.pid, signal.SIGKILL)

        family.until(lambda: not any(family.is_alive(child) for child in children))
        assert not family.listens(server.url)

    def test_is_refused_on_a_port_in_use(self, panel: Panel) -> None:
        port = str(urlsplit(panel.start("web").url).port)

        line = family.refusal("serve", "--port", port, environment=panel.environment)

        assert line.startswith(f"relaypanel: port {port} of 127.0.0.1 is in use")

    def test_is_refused_while_migrations_are_pending(self, panel: Panel, tmp_path: Path) -> None:
        environment = panel.environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}

        line = family.refusal("serve", environment=environment)

        assert line.endswith("are pending; run `relaypanel migrate`")


@pytest.mark.sockets
class TestDemo:
    def test_needs_nothing_but_an_empty_database(self, tmp_path: Path) -> None:
        with Panel(database_url=f"sqlite:///{tmp_path}/new.sqlite3", PRIVATE_PROVIDERS="") as panel:
            server = panel.start("serve", "--demo")
            key = server.output.partition("curl -d key=")[2].split()[0]

            services = _call(server, key=key, action="services")
            service = next(row for row in services if row["type"] == "Default")
            order = _call(
                server,
                key=key,
                action="add",
                service=service["service"],
                link="https://social.example/a-post",
                quantity=service["min"],
            )["order"]

            def status() -> str:
                return str(_call(server, key=key, action="status", order=order)["status"])

            # Pending is ours alone; all else was said by the simulator.
            family.until(lambda: status() != "Pending")
            assert server.stop() == 0

    def test_leaves_a_real_shop_alone(self, panel: Panel) -> None:
        panel.run(
            "provider",
            "add",
            "upstream",
            "https://upstream.example/api/v2",
            "--key-stdin",
            stdin="its-key\n",
        )

        line = family.refusal("serve", "--demo", environment=panel.environment)

        assert "providers of its own" in line


def _pid(server: Process, program: str) -> int:
    return int(server.output.partition(f"program={program} pid=")[2].split()[0])


def _call(server: Process, **fields: Any) -> Any:
    data = urlencode(fields).encode()
    with urllib.request.urlopen(f"{server.url}/api/v2", data, family.LIMIT_SECONDS) as response:
        return json.load(response)
