"""Migrated databases for the tests: each is a copy of one template a run and engine.

A test that commits cannot be undone by deleting rows: the ledger refuses that, and the
rows which migrations made would be gone.  So it gets a database of its own.
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests import postgresql, templates

Engine = Literal["sqlite", "postgresql"]

# The environment carries these two from the run to its workers.
DIRECTORY = "RELAYPANEL_TEST_DIRECTORY"
SERVER = "RELAYPANEL_TEST_SERVER"

_numbers = itertools.count(1)


@contextmanager
def fresh(engine: Engine) -> Iterator[str]:
    """Yield the DATABASE_URL of a new migrated database, which is dropped afterwards."""
    _ensure_template(engine)
    url = _url(engine, f"{_name(template_url(engine))}_{os.getpid()}_{next(_numbers)}")
    _copy(template_url(engine), url)
    try:
        yield url
    finally:
        _drop(url)


@contextmanager
def connected(url: str) -> Iterator[None]:
    """Point this process, all threads of it, at another database of the same engine."""
    settings = connections.databases["default"]
    before, opened = settings["NAME"], []

    def remember(connection: BaseDatabaseWrapper, **_: Any) -> None:
        opened.append(connection)

    connections.close_all()
    settings["NAME"] = name(url)
    # Connections belong to threads; only this signal sees those of the others.
    connection_created.connect(remember)
    try:
        yield
    finally:
        connection_created.disconnect(remember)
        for connection in opened:
            connection.inc_thread_sharing()
            connection.close()
            connection.dec_thread_sharing()
        settings["NAME"] = before


def name(url: str) -> str:
    """Return what Django calls the database of a DATABASE_URL: its file, or its name there."""
    return str(_path(url)) if url.startswith("sqlite") else _name(url)


def template_url(engine: Engine) -> str:
    token = Path(os.environ[DIRECTORY]).name.rpartition("-")[2]
    return _url(engine, f"relaypanel_test_{token}")


def drop_all() -> None:
    """Leave nothing on the server, not even what a worker that crashed had left."""
    if os.environ[SERVER]:
        prefix = _name(template_url("postgresql"))
        found = _sql(f"SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}')")
        for (name,) in found:
            _drop(_url("postgresql", name))


def _ensure_template(engine: Engine) -> None:
    with _lock():
        if not _exists(template_url(engine)):
            unfinished = f"{template_url(engine)}_unfinished"
            _make(unfinished)
            _rename(unfinished, template_url(engine))


@contextmanager
def _lock() -> Iterator[None]:
    """Let one worker at a time make a template."""
    with (Path(os.environ[DIRECTORY]) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(url: str) -> None:
    if url.startswith("postgresql"):
        _sql(f"CREATE DATABASE {_name(url)} TEMPLATE template0 ENCODING 'UTF8'")
        if not templates.fill_postgresql(url):
            _migrate(url)
            templates.keep_postgresql(url)
    elif not templates.fill_sqlite(_path(url)):
        _migrate(url)
        templates.keep_sqlite(_path(url))


def _migrate(url: str) -> None:
    command = [sys.executable, "-m", "relaypanel", "migrate", "--verbosity=0"]
    subprocess.run(command, check=True, env=os.environ | {"DATABASE_URL": url})


def _exists(url: str) -> bool:
    if url.startswith("sqlite"):
        return _path(url).exists()
    return bool(_sql(f"SELECT 1 FROM pg_database WHERE datname = '{_name(url)}'"))


def _rename(url: str, new_url: str) -> None:
    if url.startswith("sqlite"):
        _path(url).rename(_path(new_url))
    else:
        _sql(f"ALTER DATABASE {_name(url)} RENAME TO {_name(new_url)}")


def _copy(url: str, new_url: str) -> None:
    if url.startswith("sqlite"):
        shutil.copyfile(_path(url), _path(new_url))
    else:
        _sql(f"CREATE DATABASE {_name(new_url)} TEMPLATE {_name(url)} {_by_file()}")


def _by_file() -> str:
    """Say, to a server that takes it, to copy files and not page after page through its log.

    For small databases that is half the work.
    """
    return "STRATEGY FILE_COPY" if _administrator().info.server_version >= 150_000 else ""


def _drop(url: str) -> None:
    if url.startswith("sqlite"):
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{_path(url)}{suffix}").unlink()
    else:
        _sql(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")


def _sql(statement: str) -> list[Any]:
    cursor = _administrator().execute(statement)
    return cursor.fetchall() if cursor.description else []


@functools.cache
def _administrator() -> psycopg.Connection[Any]:
    """Return this process's way to the server: a new one for each of its statements costs more."""
    return postgresql.connect(f"{os.environ[SERVER]}/postgres")


def _url(engine: Engine, name: str) -> str:
    if engine == "sqlite":
        return f"sqlite:///{os.environ[DIRECTORY]}/{name}"
    assert os.environ[SERVER], "mark the test: pytest.mark.postgresql"
    return f"{os.environ[SERVER]}/{name}"


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _name(url: str) -> str:
    return url.rpartition("/")[2]
