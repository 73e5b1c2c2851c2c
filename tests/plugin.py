"""Decides, before Django reads its settings, what a test run is on.

`--database sqlite|postgresql` chooses the database; the environment of whoever runs the
tests is put away, so that no proxy, setting or .env changes what a test sees.  The workers
of pytest-xdist inherit the environment that is made here.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests import databases, postgresql

KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "TERM", "COLUMNS", "CI", "LD_LIBRARY_PATH"}
KEPT |= {"COVERED"}
# How large the tests are that break things.
KEPT |= {"FAULTS", "HOSTILE"}
KEPT_PREFIXES = ("LC_", "PYTEST_", "PYTHON", "HYPOTHESIS")

# Not secret: they protect databases that live for one run.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "relaypanel.settings",
    "RELAYPANEL_ENV_FILE": os.devnull,
    "SECRET_KEY": "tests-only:abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFGHIJ",
    # Tests call from one address, with few keys, as fast as they can.
    "API_CALLS_PER_MINUTE": "0",
    "FIELD_KEYS": "dGVzdHMtb25seS0zMi1ieXRlcy1vZi1ub3RoaW5nISE=",
}

# Six times what a run takes.
ROOM_BYTES = 4 * 2**30

ORIGIN = pytest.StashKey[str]()
FOLLOWED = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="the database of the tests; with postgresql only those that touch one are run",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if os.environ.get("COVERED") and not _has_workers(early_config):
        # Needed for this alone.  Nothing of the program is imported yet.
        from tests import covered

        early_config.stash[FOLLOWED] = covered.Followed(Path(os.environ["COVERED"]))
    folder = tempfile.TemporaryDirectory(
        prefix="relaypanel-tests-", dir=_in_memory(), ignore_cleanup_errors=True
    )
    early_config.add_cleanup(folder.cleanup)
    directory = Path(folder.name)
    server_url = ""
    if early_config.known_args_namespace.database == "postgresql":
        server_url = _server(early_config, directory)
    enter(directory, server_url=server_url)
    early_config.add_cleanup(databases.drop_all)


def _has_workers(config: pytest.Config) -> bool:
    """Whether others run the tests for this process."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    return bool(config.known_args_namespace.numprocesses) and not is_worker


def _in_memory() -> str | None:
    """Return the folder whose files are in memory, if there is one with room to spare.

    Tests make hundreds of databases, of hundreds of files each, and drop them.
    """
    folder = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return None
    return str(folder) if shutil.disk_usage(folder).free > ROOM_BYTES else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if followed := config.stash.get(FOLLOWED, None):
        followed.write()


def pytest_report_header(config: pytest.Config) -> str:
    return f"database: {config.getoption('database')}, {config.stash.get(ORIGIN, 'in files')}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how a test failed that was then run once more: decision 0017."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.write_sep("_", f"failed at first: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


def enter(directory: Path, *, server_url: str) -> None:
    """Replace the environment by that of the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    os.environ.clear()
    os.environ.update(kept | SETTINGS)
    os.environ[databases.DIRECTORY] = str(directory)
    # What workers remember of their databases goes with them.
    os.environ["STATE_DIR"] = str(directory)
    os.environ[databases.SERVER] = server_url
    engine: databases.Engine = "postgresql" if server_url else "sqlite"
    os.environ["DATABASE_URL"] = databases.template_url(engine)


def _server(config: pytest.Config, directory: Path) -> str:
    try:
        server = postgresql.find(directory, os.environ)
    except postgresql.Unavailable as error:
        line = "!" * 80
        sys.stderr.write(f"{line}\nNO TEST WAS RUN ON POSTGRESQL.\n{error}\n{line}\n")
        raise SystemExit(1 if os.environ.get("CI") == "true" else 0) from None
    config.add_cleanup(server.stop)
    config.stash[ORIGIN] = server.origin
    return server.url
