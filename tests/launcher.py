"""Starts `relaypanel …` as a shell would, in a fifth of the time.

    program = launcher.start("web", "--port", "8001", environment=settings, output=file)
    code = program.wait(20)

Most of a start is to load libraries.  `python -m tests.launcher` is a process that has loaded
them, one for each process of a run, and each start is a fork of it.  Of the program itself it has
loaded nothing: a fork reads its own settings, and runs `relaypanel` from its first line.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from importlib import import_module
from typing import IO, Any, Final, NoReturn, Protocol

# Loads all that the commands load between them, and tells the names.
TELL: Final = """
import json, sys
import django
django.setup()
import relaypanel.wsgi, relaypanel.worker.loop, relaypanel.simulator.server
import relaypanel.management.commands.web
json.dump([*sys.modules], sys.stdout)
"""
_MESSAGE_BYTES_MAX: Final = 100_000


class Program(Protocol):
    """A running `relaypanel …`."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code, or minus the signal that ended it.  Raises TimeoutExpired."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal if it still runs."""


class _Fork:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        # Readable once it has ended, whoever started it.
        self._end = os.pidfd_open(pid)
        self._code: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("relaypanel", timeout or 0)
            self._code = _Parent.ask({"ended": self.pid})
            os.close(self._end)
        return self._code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def start(
    *arguments: str,
    environment: Mapping[str, str],
    output: IO[Any],
    errors: IO[Any] | None = None,
    stdin: str = "",
    as_shell: bool = False,
) -> Program:
    """Start `relaypanel …` as the first of a session; it writes to `output`, errors to `errors`.

    `as_shell`: by itself, with nothing loaded before.
    """
    with tempfile.TemporaryFile("w+") as read:
        read.write(stdin)
        read.seek(0)
        files = [read.fileno(), output.fileno(), (errors or output).fileno()]
        # Elsewhere there are no such handles of processes, and libraries that bear no fork.
        if as_shell or sys.platform != "linux":
            return subprocess.Popen(
                [sys.executable, "-m", "relaypanel", *arguments],
                env=environment,
                stdin=files[0],
                stdout=files[1],
                stderr=files[2],
                start_new_session=True,
            )
        order = {"arguments": arguments, "environment": dict(environment)}
        return _Fork(_Parent.ask(order, files))


def run(
    *arguments: str,
    environment: Mapping[str, str],
    seconds: float,
    stdin: str = "",
    as_shell: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `relaypanel …` to its end.  Raises TimeoutExpired, and kills it then."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        program = start(
            *arguments,
            environment=environment,
            output=output,
            errors=errors,
            stdin=stdin,
            as_shell=as_shell,
        )
        try:
            code = program.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            raise
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(arguments, code, output.read(), errors.read())


def end() -> None:
    """End the process that all were forked from, if there is one."""
    _Parent.end()


class _Parent:
    """The process that all are forked from; it starts when the first of them is wanted."""

    _line: socket.socket | None = None
    _process: subprocess.Popen[bytes] | None = None
    _lock = threading.Lock()

    @classmethod
    def ask(cls, order: object, files: list[int] | None = None) -> int:
        with cls._lock:
            if cls._line is None:
                cls._line = cls._start()
            socket.send_fds(cls._line, [json.dumps(order).encode()], files or [])
            answer = cls._line.recv(_MESSAGE_BYTES_MAX)
        assert answer, "what programs are forked from has ended"
        return int(answer)

    @classmethod
    def end(cls) -> None:
        if cls._line is not None and cls._process is not None:
            cls._line.close()
            cls._process.wait()
            cls._line = cls._process = None

    @classmethod
    def _start(cls) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # It ends when our end of the line is closed, with this process at the latest.
            cls._process = subprocess.Popen(
                [sys.executable, "-m", "tests.launcher", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        return ours


def main() -> None:
    with closing(socket.socket(fileno=int(sys.argv[1]))) as line:
        _load_libraries()
        while True:
            message, files, _, _ = socket.recv_fds(line, _MESSAGE_BYTES_MAX, 3)
            if not message:
                return
            order = json.loads(message)
            if "ended" in order:
                code = os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1])
                line.send(str(code).encode())
            elif not os.fork():
                # Whoever knows its number may kill its session: it tells when it has one.
                os.setsid()
                line.send(str(os.getpid()).encode())
                line.close()
                _become(order["arguments"], order["environment"], files)
            for file in files:
                os.close(file)


def _become(arguments: list[str], environment: dict[str, str], files: list[int]) -> NoReturn:
    """Be what `python -m relaypanel …` is."""
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["relaypanel", *arguments]
    runpy.run_module("relaypanel", run_name="__main__", alter_sys=True)
    sys.exit()


def _load_libraries() -> None:
    names = _libraries()
    # What wants to know the settings is loaded by each fork, which has some.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    for name in names:
        with suppress(Exception):
            import_module(name)
    # Else each fork would look through all of it, and so copy it.
    gc.freeze()


def _libraries() -> list[str]:
    """Return what the program loads beside itself, in that order."""
    done = subprocess.run([sys.executable, "-c", TELL], stdout=subprocess.PIPE, check=True)
    names: list[str] = json.loads(done.stdout)
    return [name for name in names if name.partition(".")[0] not in {"relaypanel", "__main__"}]


if __name__ == "__main__":
    main()
