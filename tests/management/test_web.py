from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import family
from tests.processes import Panel, Process


@pytest.fixture
def panel(panel_database: Callable[..., str]) -> Iterator[Panel]:
    with Panel(database_url=panel_database()) as panel:
        yield panel


@pytest.fixture
def server(panel: Panel) -> Process:
    return panel.start("web")


@pytest.fixture
def body(panel: Panel) -> bytes:
    """A call that is only answered rightly when all of it was read."""
    created = panel.run("user", "create", "alice")
    key = created.rpartition("API key: ")[2].strip()
    return f"key={key}&action=balance".encode()


@pytest.mark.sockets
class TestRequests:
    def test_are_answered_on_one_connection(self, server: Process, body: bytes) -> None:
        with _connect(server) as connection:
            for _ in range(3):
                connection.sendall(_head(f"Content-Length: {len(body)}") + body)

                assert _balance(connection) == "0"

    def test_may_offer_http_2(self, server: Process, body: bytes) -> None:
        with _connect(server) as connection:
            offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
            connection.sendall(_head(*offer, f"Content-Length: {len(body)}") + body)

            assert _balance(connection) == "0"

    def test_may_ask_before_they_send_the_body(self, server: Process, body: bytes) -> None:
        with _connect(server) as connection:
            connection.sendall(_head("Expect: 100-continue", f"Content-Length: {len(body)}"))
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(body)

            assert _balance(connection) == "0"

    def test_may_come_in_chunks(self, server: Process, body: bytes) -> None:
        with _connect(server) as connection:
            connection.sendall(_head("Transfer-Encoding: chunked"))
            for piece in (body[:7], body[7:]):
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            connection.sendall(b"0\r\n\r\n")

            assert _balance(connection) == "0"


@pytest.mark.sockets
class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_comes_after_the_request_that_has_begun(
        self, number: signal.Signals, server: Process, body: bytes
    ) -> None:
        with _connect(server) as connection:
            connection.sendall(_head("Expect: 100-continue", f"Content-Length: {len(body)}"))
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 Continue")

            os.kill(server.pid, number)
            family.until(lambda: not family.listens(server.url))
            connection.sendall(body)

            assert _balance(connection) == "0"
        # No second signal: Python heeds none any more while it ends, and would be killed by it.
        assert server._program.wait(family.LIMIT_SECONDS) == 0

    def test_of_the_parent_alone_leaves_nobody_on_the_port(self, panel: Panel) -> None:
        server = panel.start("web", "--workers", "2")
        children = family.descendants(server.pid)
        assert len(children) == 2

        os.kill(server.pid, signal.SIGKILL)

        family.until(lambda: not any(family.is_alive(child) for child in children))
        assert not family.listens(server.url)

    def test_of_one_process_starts_another(self, panel: Panel) -> None:
        server = panel.start("web", "--workers", "2")
        before = family.descendants(server.pid)

        os.kill(min(before), signal.SIGKILL)

        family.until(lambda: len(family.descendants(server.pid) - before) == 1)
        family.until(lambda: family.descendants(server.pid) >= {max(before)})
        family.until(lambda: family.listens(server.url))


@pytest.mark.sockets
class TestStart:
    def test_is_refused_on_a_port_in_use(self, panel: Panel, server: Process) -> None:
        port = str(urlsplit(server.url).port)

        line = family.refusal("web", "--port", port, environment=panel.environment)

        assert line == (
            f"relaypanel: port {port} of 127.0.0.1 is in use; "
            "end what listens there or choose another --port"
        )

    def test_is_refused_while_migrations_are_pending(self, panel: Panel, tmp_path: Path) -> None:
        environment = panel.environment | {"DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}

        line = family.refusal("web", environment=environment)

        assert line.endswith("are pending; run `relaypanel migrate`")


class TestApplication:
    # In a process of its own, which it goes on watching.
    SCRIPT = """
import os
from relaypanel.management.commands import web
secrets = ("SECRET_KEY", "FIELD_KEYS", "DATABASE_URL", "REDIS_URL")
os.environ.update(dict.fromkeys(secrets, "secret"))
web.application(os.getppid())
print([name for name in secrets if name in os.environ])
"""

    def test_keeps_the_secrets_out_of_requests(self, panel: Panel) -> None:
        assert panel.run("shell", "--no-imports", "-c", self.SCRIPT).strip() == "[]"


def _connect(server: Process) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), family.LIMIT_SECONDS)


def _head(*fields: str) -> bytes:
    lines = ["POST /api/v2 HTTP/1.1", "Host: 127.0.0.1", *fields]
    lines += ["Content-Type: application/x-www-form-urlencoded", "", ""]
    return "\r\n".join(lines).encode()


def _balance(connection: socket.socket) -> str:
    response = HTTPResponse(connection, method="POST")
    response.begin()
    reply: dict[str, Any] = json.loads(response.read())
    assert "balance" in reply, reply
    return str(reply["balance"])
