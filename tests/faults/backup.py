"""Takes a backup of a database at work, and restores it over the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connections

from tests import postgresql


def take(url: str) -> str:
    """Return the address of a copy as the database is at this moment."""
    copy = f"{url}_backup"
    if url.startswith("sqlite"):
        with closing(_sqlite(url)) as source, closing(_sqlite(copy)) as target:
            source.backup(target)
        return copy
    connections.close_all()
    # A copy is made of a database that nobody uses: those who do reconnect afterwards.
    _sql(url, f"ALTER DATABASE {_name(url)} ALLOW_CONNECTIONS false")
    _sql(
        url,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_name(url)}'",
    )
    _sql(url, f"CREATE DATABASE {_name(copy)} TEMPLATE {_name(url)}")
    _sql(url, f"ALTER DATABASE {_name(url)} ALLOW_CONNECTIONS true")
    return copy


def restore(copy: str, url: str) -> None:
    """Put the copy in the database's place."""
    connections.close_all()
    if url.startswith("sqlite"):
        for suffix in ("-wal", "-shm"):
            Path(f"{_path(url)}{suffix}").unlink(missing_ok=True)
        _path(copy).replace(_path(url))
    else:
        _sql(url, f"DROP DATABASE {_name(url)} WITH (FORCE)")
        _sql(url, f"ALTER DATABASE {_name(copy)} RENAME TO {_name(url)}")


def _sqlite(url: str) -> sqlite3.Connection:
    return sqlite3.connect(_path(url))


def _sql(url: str, statement: str) -> None:
    with postgresql.connect(f"{url.rpartition('/')[0]}/postgres") as connection:
        connection.execute(statement)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _name(url: str) -> str:
    return url.rpartition("/")[2]
