"""Panels as processes of their own, on free ports of this machine, for tests of the whole.

    with Panel(database_url=panel_database()) as panel:
        web = panel.start("web")
        worker = panel.start("worker")

Tests that use them are marked `sockets`.  Leaving the block ends all that was started.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests import launcher

LISTENERS = {"serve", "web", "simulator"}
START_SECONDS = 30
STOP_SECONDS = 20
END_SECONDS = 3
RUN_SECONDS = 120


class Process:
    """A running `relaypanel …`, the first of a process group; `url` is "" if it does not listen."""

    def __init__(
        self, arguments: list[str], *, environment: dict[str, str], log: Path, as_shell: bool
    ) -> None:
        self.url = ""
        if arguments[0] in LISTENERS:
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            arguments = [*arguments, "--port", str(port)]
        self._log = log
        # Output goes to a file: nobody reads a pipe while the process runs, and it would fill up.
        with log.open("w") as output:
            # The lock is handed down with the file, and is free when the last of them has ended.
            fcntl.flock(output, fcntl.LOCK_EX)
            self._program = launcher.start(
                *arguments, environment=environment, output=output, as_shell=as_shell
            )
        self.pid = self._program.pid

    @property
    def output(self) -> str:
        """All that it has written so far, to stdout and stderr."""
        return self._log.read_text(errors="replace")

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(self.url):
            assert self._program.poll() is None, f"it ended instead of listening:\n{self.output}"
            assert time.monotonic() < deadline, f"it does not listen:\n{self.output}"
            time.sleep(0.02)

    def end(self) -> None:
        """Let it go, with a chance to write down what was covered, however it takes that."""
        self._program.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._program.wait(END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a machine that loses power would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._program.wait()
        self._wait_for_children()

    def stop(self) -> int:
        """Ask it to end, as a service manager would, and return its exit code."""
        return self.end_by(signal.SIGTERM)

    def end_by(self, number: signal.Signals) -> int:
        """Ask it to end by this signal, and return its exit code."""
        self._program.send_signal(number)
        try:
            return self._program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not stop:\n{self.output}") from None
        finally:
            self.kill()

    def _wait_for_children(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        with self._log.open() as log:
            while not _locked(log):
                assert time.monotonic() < deadline, f"it left a process behind:\n{self.output}"
                time.sleep(0.02)


class Panel:
    """One panel: its database, its secrets and its processes."""

    _as_shell = False

    def __init__(self, *, database_url: str, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="relaypanel-panel-")
        self._processes: list[Process] = []
        self.environment = os.environ | {
            "DATABASE_URL": database_url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            # The panels of a test are each other's providers.
            "PRIVATE_PROVIDERS": "127.0.0.0/8",
            # What is measured is not how soon it refuses, but counting is part of each call.
            "API_CALLS_PER_MINUTE": "10000000",
            **settings,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note("\n".join(process.output for process in self._processes))
        with ExitStack() as stack:
            stack.callback(self._folder.cleanup)
            for process in self._processes:
                stack.callback(process.end)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a command to its end and return its stdout; a failure shows what it wrote."""
        done = launcher.run(
            *arguments,
            environment=self.environment,
            seconds=RUN_SECONDS,
            stdin=stdin,
            as_shell=self._as_shell,
        )
        assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *arguments: str) -> Process:
        """Start `relaypanel …`; those that listen get a free port and do listen on return."""
        log = Path(self._folder.name) / f"{len(self._processes)}.log"
        process = Process(
            list(arguments), environment=self.environment, log=log, as_shell=self._as_shell
        )
        self._processes.append(process)
        if process.url:
            process.wait_until_listening()
        return process

    def simulator(self, *arguments: str) -> Process:
        return self.start("simulator", *arguments)


class LonePanel(Panel):
    """A panel whose processes share nothing with ours: their memory and speed are their own."""

    _as_shell = True


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
