"""What was measured with: the machine, the versions, and which tools are there."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

TOOLS: Final = ("wrk", "pgbench", "nginx")
_LIBRARIES: Final = ("django", "granian", "psycopg", "msgspec", "aiohttp")


def missing() -> frozenset[str]:
    """Return which of the tools are not installed."""
    return frozenset(tool for tool in TOOLS if shutil.which(tool) is None)


def facts() -> dict[str, object]:
    """Return the machine, the versions and the moment, for the record of a run."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: metadata.version(name) for name in _LIBRARIES},
            **{tool: _version(tool) for tool in TOOLS},
        },
    }


def _cpu() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _version(tool: str) -> str | None:
    """Return the first number that a tool tells about itself."""
    found = re.search(r"\d+\.\d[\w.+-]*", _said(tool, "-v" if tool != "pgbench" else "--version"))
    return found[0] if found else None


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return (done.stdout + done.stderr).strip()
