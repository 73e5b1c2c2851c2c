"""Holds the examples of deploy/ against what they promise, nginx's in a real nginx."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from relaypanel import clock, preflight
from tests import shop, tidy
from tests.hostile.size import tell
from tests.processes import Panel, Process

DEPLOY = tidy.ROOT / "deploy"
SLOW_CLIENTS = 200
PATIENCE_SECONDS = 15
START_SECONDS = 10

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    include {folder}/relaypanel.conf;
}}
"""


# Takes any certificate.
TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


class Front:
    """The panel, and the nginx of deploy/nginx.conf ahead of it."""

    def __init__(self, panel: Panel, web: Process, port: int, key: str) -> None:
        self.panel, self.web, self.port, self.key = panel, web, port, key

    def ask(self, body: bytes, *, source: str = "127.0.0.1", **headers: str) -> bytes:
        """Return the whole answer to a call that comes over https from this address."""
        with self._line(source) as line:
            line.sendall(head(len(body), **headers) + body)
            return b"".join(iter(lambda: line.recv(65_536), b""))

    def dribble(self, source: str) -> socket.socket:
        """Begin a call and never end it."""
        line = self._line(source)
        line.sendall(head(1_000) + b"k")
        return line

    def _line(self, source: str) -> ssl.SSLSocket:
        plain = socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
        )
        return TRUSTING.wrap_socket(plain, server_hostname="panel.example")

    def balance(self, **more: Any) -> bytes:
        return self.ask(urlencode({"key": self.key, "action": "balance"}).encode(), **more)


def head(length: int, **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        "POST /api/v2 HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


@pytest.fixture
def front(panel_database: Callable[..., str], tmp_path: Path) -> Iterator[Front]:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        words = "NOTHING STOOD BEHIND NGINX: there is no nginx (Debian: apt install nginx-light)."
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    settings = {
        "PUBLIC_URL": "https://panel.example",
        "ALLOWED_HOSTS": "panel.example",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    with Panel(database_url=panel_database("sqlite"), **settings) as panel:
        key = shop.enrol(panel, "alice", deposit="5")
        web = panel.start("web")
        with nginx(program, tmp_path, backend=web.url) as port:
            yield Front(panel, web, port, key)


@contextmanager
def nginx(program: str, folder: Path, *, backend: str) -> Iterator[int]:
    """Run deploy/nginx.conf with other ports, files and a certificate of our own."""
    port, plain = preflight.spare_port(), preflight.spare_port()
    certify(folder)
    config = (DEPLOY / "nginx.conf").read_text()
    for example, real in {
        "127.0.0.1:8000": backend.removeprefix("http://"),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "/var/log/nginx/relaypanel.log": f"{folder}/access.log",
        "/etc/letsencrypt/live/panel.example": str(folder),
    }.items():
        assert example in config
        config = config.replace(example, real)
    (folder / "relaypanel.conf").write_text(config)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    server = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert server.poll() is None, "nginx refuses its configuration"
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "panel.example")])
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - day)
        .not_valid_after(clock.now() + day)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.sockets
class TestNginx:
    def test_keeps_slow_bodies_from_the_panel(self, front: Front) -> None:
        with ExitStack() as stack:
            for number in range(SLOW_CLIENTS):
                stack.enter_context(front.dribble(f"127.0.1.{number + 1}"))

            answers = [front.balance(source="127.0.0.2") for _ in range(5)]

        tell(f"nginx: {SLOW_CLIENTS} slow bodies, honest calls answered {len(answers)}")
        assert all(b'{"balance":"5","currency":"USD"}' in answer for answer in answers)

    def test_is_needed(self, front: Front) -> None:
        """The twin: the same clients, straight to the panel."""
        port = int(front.web.url.rpartition(":")[2])
        with ExitStack() as stack:
            for _ in range(SLOW_CLIENTS):
                slow = socket.create_connection(("127.0.0.1", port), timeout=5)
                stack.enter_context(slow)
                slow.sendall(head(1_000) + b"k")
            body = urlencode({"key": front.key, "action": "balance"}).encode()
            with socket.create_connection(("127.0.0.1", port), timeout=3) as honest:
                honest.sendall(head(len(body)) + body)
                with pytest.raises(TimeoutError):
                    honest.recv(1)

    def test_tells_the_panel_who_calls(self, front: Front) -> None:
        front.panel.run("user", "networks", "alice", "--set", "-", stdin="127.0.0.2\n")

        assert b'"balance":"5"' in front.balance(source="127.0.0.2")
        refused = front.balance(source="127.0.0.3", X_Forwarded_For="127.0.0.2")
        assert b"Invalid API key" in refused

    def test_is_believed_by_a_panel_that_trusts_it_alone(self, front: Front) -> None:
        front.panel.run("user", "networks", "alice", "--set", "-", stdin="127.0.0.2\n")
        front.panel.environment["TRUSTED_PROXIES"] = "192.0.2.1"
        other = front.panel.start("web")
        port = int(other.url.rpartition(":")[2])
        body = urlencode({"key": front.key, "action": "balance"}).encode()

        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(head(len(body), X_Forwarded_For="127.0.0.2") + body)
            answer = b"".join(iter(lambda: line.recv(65_536), b""))

        assert b"Invalid API key" in answer

    def test_answers_programs_in_json(self, front: Front) -> None:
        too_large = front.ask(b"a" * 3_000_000)

        assert too_large.startswith(b"HTTP/1.1 413 ")
        assert b'{"error":"The body is too large: at most 2097152 bytes"}' in too_large
        front.web.stop()
        away = front.balance()
        assert away.startswith(b"HTTP/1.1 503 ")
        assert b'{"error":"The panel is not available now.' in away

    def test_logs_no_query(self, front: Front, tmp_path: Path) -> None:
        with front._line("127.0.0.1") as line:
            line.sendall(
                b"GET /api/v2?key=secret HTTP/1.1\r\nHost: panel.example\r\n"
                b"Connection: close\r\n\r\n"
            )
            line.recv(65_536)

        assert "secret" not in (tmp_path / "access.log").read_text()


class TestCompose:
    @pytest.fixture
    def services(self) -> dict[str, Any]:
        services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
        return services

    @pytest.mark.parametrize("name", ["migrate", "web", "worker"])
    def test_gives_our_processes_no_more_than_they_need(
        self, name: str, services: dict[str, Any]
    ) -> None:
        ours = services[name]

        assert ours["read_only"]
        assert ours["user"] == "10001:10001"
        assert ours["cap_drop"] == ["ALL"]
        assert ours["security_opt"] == ["no-new-privileges:true"]
        assert ours["stop_grace_period"] == "60s"

    def test_shows_the_proxy_alone_to_the_world(self, services: dict[str, Any]) -> None:
        assert [name for name, one in services.items() if "ports" in one] == ["proxy"]

    def test_keeps_no_secret_of_its_own(self) -> None:
        text = (DEPLOY / "compose.yaml").read_text()

        assert "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}" in text
        assert "SECRET_KEY: ${SECRET_KEY:?}" in text


class TestDockerfile:
    def test_ends_as_nobody_in_particular(self) -> None:
        lines = (DEPLOY / "Dockerfile").read_text().splitlines()

        assert "USER 10001" in lines
        assert lines.index("USER 10001") > max(
            number for number, line in enumerate(lines) if line.startswith(("RUN", "COPY"))
        )
        assert any("uv sync --frozen" in line for line in lines)


class TestUnits:
    @pytest.mark.parametrize(
        "name", ["relaypanel.service", "relaypanel-web.service", "relaypanel-worker.service"]
    )
    def test_are_boxed_in(self, name: str) -> None:
        text = (DEPLOY / name).read_text()
        for line in (
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "CapabilityBoundingSet=",
            "TimeoutStopSec=60",
            "KillMode=mixed",
        ):
            assert line in text.splitlines()
        if shutil.which("systemd-analyze"):
            done = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--threshold=25", DEPLOY / name],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-300:]
