"""Workers that start in milliseconds: each is forked from a process that has loaded everything.

    with Forks(panel.environment) as forks:
        worker = forks.worker("quick", "skewed=3600")
        worker.kill()

`python -m tests.faults.forks` is that process.  It takes a line of JSON on its stdin, the habits
of a worker to fork or the process ID of one to wait for, and answers by a line: the process ID or
the exit code.  When its stdin ends, so do its workers.
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
from typing import Self


class Worker:
    def __init__(self, forks: Forks, pid: int) -> None:
        self._forks = forks
        self.pid = pid

    def kill(self) -> None:
        """End it at once, as a machine that loses power would."""
        self.signal(signal.SIGKILL)
        self._forks.ask(self.pid)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self._forks.ask(self.pid)

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


class Forks:
    def __init__(self, environment: Mapping[str, str]) -> None:
        # Watched by the tool for coverage, the workers would be half as fast.
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith("COV")
        }

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def worker(self, *habits: str) -> Worker:
        """Start a worker that has these habits: see habits.py."""
        return Worker(self, self.ask(habits))

    def ask(self, order: object) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        return int(self._process.stdout.readline())


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


def _fork(wanted: list[str]) -> int:
    from relaypanel.worker import loop
    from tests.faults import habits

    pid = os.fork()
    if pid:
        return pid
    try:
        habits.take_up(wanted)
        loop.main()
    except BaseException:  # noqa: BLE001 - nothing may fall through into the parent
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
