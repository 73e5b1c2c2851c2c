"""Workers and simulated panels that start in milliseconds, forked from one loaded process.

    with Forks(panel.environment) as forks:
        simulator = forks.simulator(speed=0.0001)
        worker = forks.worker("quick", "skewed=3600")
        worker.kill()

`python -m tests.faults.forks` is that process, one for all tests of a run.  It takes a line of JSON
on its stdin, what to fork or the process ID of one to wait for, and answers by a line: the process
ID or the exit code.  When its stdin ends, so do those it forked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests import databases, family
from tests.processes import free_port


class Worker:
    def __init__(self, forks: Forks, pid: int) -> None:
        self._forks = forks
        self.pid = pid

    def kill(self) -> None:
        """End it at once, as a machine that loses power would."""
        self.signal(signal.SIGKILL)
        self._forks.wait(self.pid)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self._forks.wait(self.pid)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def is_stopped(self) -> bool:
        stat = Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def rss_bytes(self, *, most: bool = False) -> int:
        """Return the memory it has, or the most that it ever had."""
        name = "VmHWM" if most else "VmRSS"
        rows = dict(
            row.split(":", 1)
            for row in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if ":" in row
        )
        return int(rows[name].split()[0]) * 1024


class Simulator:
    def __init__(self, *, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


class Forks:
    """The forks that belong to one panel; they end with the block."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._alive: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pid in list(self._alive):
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)

    def worker(self, *habits: str) -> Worker:
        """Start a worker that has these habits: see habits.py."""
        return Worker(self, self._fork({"worker": habits}))

    def simulator(self, *, speed: float = 1.0) -> Simulator:
        simulator = Simulator(port=(port := free_port()))
        self._fork({"simulator": {"host": "127.0.0.1", "port": port, "speed": speed}})
        family.until(lambda: family.listens(simulator.url), every_seconds=0.005)
        return simulator

    def wait(self, pid: int) -> int:
        """Return the exit code of one that has been told to end."""
        code = _Parent.ask(pid)
        self._alive.discard(pid)
        return code

    def _fork(self, order: dict[str, object]) -> int:
        names = ("DATABASE_URL", "LEASE_MS", "STATE_DIR")
        own = {name: self._environment[name] for name in names if name in self._environment}
        pid = _Parent.ask({"environment": own, **order})
        self._alive.add(pid)
        return pid


class _Parent:
    """The process that all are forked from; it starts when the first of them is wanted."""

    process: subprocess.Popen[str] | None = None

    @classmethod
    def ask(cls, order: object) -> int:
        if cls.process is None:
            cls.process = cls._start()
        assert cls.process.stdin
        assert cls.process.stdout
        cls.process.stdin.write(json.dumps(order) + "\n")
        return int(cls.process.stdout.readline())

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        settings = {"PRIVATE_PROVIDERS": "127.0.0.0/8", "LOG_LEVEL": "CRITICAL"}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )


def end() -> None:
    """End the process that all were forked from, if there is one."""
    if _Parent.process is not None:
        _Parent.process.communicate(timeout=30)
        _Parent.process = None


def main() -> None:
    import django

    django.setup()
    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if isinstance(order, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(order, 0)[1])
            alive.discard(order)
        else:
            answer = _fork(order)
            alive.add(answer)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(order: dict[str, Any]) -> int:
    # Loaded here, once for all that are forked.
    from relaypanel.simulator import server
    from relaypanel.worker import loop
    from tests.faults import habits

    pid = os.fork()
    if pid:
        return pid
    try:
        # The other end waits for our number there, and for nothing else.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _settle_in(order["environment"])
        if "simulator" in order:
            server.main(**order["simulator"])
        else:
            habits.take_up(order["worker"])
            loop.main()
    except BaseException:  # noqa: BLE001 - nothing may fall through into the parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _settle_in(environment: Mapping[str, str]) -> None:
    """Be of another panel than the one that this was loaded for."""
    from django.conf import settings
    from django.db import connections

    connections.databases["default"]["NAME"] = databases.name(environment["DATABASE_URL"])
    settings.LEASE_MS = int(environment.get("LEASE_MS", 10_000))
    if "STATE_DIR" in environment:
        settings.STATE_DIR = environment["STATE_DIR"]


if __name__ == "__main__":
    main()
