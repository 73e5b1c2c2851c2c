"""Looks at processes from outside: whose children they are, and whether a port answers."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from tests import launcher

LIMIT_SECONDS = 30

T = TypeVar("T")


def until(look: Callable[[], T], *, every_seconds: float = 0.02) -> T:
    """Look again and again, and return the first thing seen that is true."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(every_seconds)
    return seen


def listens(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=1).close()
    except OSError:
        return False
    return True


def descendants(pid: int) -> set[int]:
    """Return the children of `pid` that are alive, and their children."""
    with subprocess.Popen(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True
    ) as ps:
        rows = [line.split() for line in ps.communicate()[0].splitlines()]
    alive = {int(row[0]): int(row[1]) for row in rows if not row[2].startswith("Z")}
    found = {pid}
    while more := {child for child, parent in alive.items() if parent in found} - found:
        found |= more
    return found - {pid, ps.pid}


def is_alive(pid: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def refusal(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a command that must not start; return the one line it says."""
    done = launcher.run(*arguments, environment=environment, seconds=LIMIT_SECONDS)
    assert done.returncode == 2, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.rstrip()
