"""Servers beside the panel: each on a free port of this machine, ended with its block."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

START_SECONDS: Final = 30
STOP_SECONDS: Final = 15

# As few words as it takes to send files as fast as it can, apart from the system's own nginx.
_NGINX: Final = """
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    default_type application/json;
    open_file_cache max=10;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        # A file is there to be got; a call of the API is a POST.
        error_page 405 =200 $uri;
    }}
}}
"""


@contextmanager
def bare(*, database_url: str, file: Path, workers: int = 2) -> Iterator[str]:
    """Yield the address of the panel's server with nearly nothing behind it: see bare.py."""
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "BENCH_BYTES": str(file),
        "SECRET_KEY": "Of a server that keeps no secrets, and long enough: 0123456789 abcdef",
        "FIELD_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "LOG_LEVEL": "WARNING",
    }
    with (
        TemporaryDirectory() as folder,
        _started(
            lambda port: [
                sys.executable,
                "-m",
                "bench.bare",
                f"--port={port}",
                f"--workers={workers}",
            ],
            log=Path(folder) / "log",
            environment=environment,
        ) as url,
    ):
        yield url


@contextmanager
def nginx(*, file: Path) -> Iterator[str]:
    """Yield the address of an nginx that sends the files beside `file`."""
    with TemporaryDirectory() as folder:

        def command(port: int) -> Sequence[str]:
            config = _NGINX.format(
                folder=folder,
                root=file.parent,
                port=port,
                user="user root;" if os.geteuid() == 0 else "",
            )
            Path(folder, "nginx.conf").write_text(config)
            return ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"]

        with _started(command, log=Path(folder) / "log", environment=os.environ) as url:
            yield url


@contextmanager
def _started(
    command: Callable[[int], Sequence[str]], *, log: Path, environment: Mapping[str, str]
) -> Iterator[str]:
    port = _free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            command(port),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert process.poll() is None, f"it ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"it does not listen:\n{log.read_text()}"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
