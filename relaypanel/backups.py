"""The whole database in one file: taken while the panel runs, put back at once or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from django.db import connection, connections

from relaypanel.preflight import CannotStart

# Everything of ours, whatever release made it: a backup may be older than some of it.
_EMPTY: Final = """
DO $$
DECLARE it record;
BEGIN
    FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP TABLE public.%I CASCADE', it.tablename);
    END LOOP;
    FOR it IN
        SELECT p.oid::regprocedure AS routine FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        )
    LOOP
        EXECUTE format('DROP ROUTINE %s CASCADE', it.routine);
    END LOOP;
END
$$;
"""


class BadBackup(CannotStart):
    """The file is no backup of this kind of database, or is damaged.  Nothing was changed."""


class InUse(CannotStart):
    def __init__(self) -> None:
        super().__init__("the database is in use: stop all web and worker processes first")


def take(file: Path) -> int:
    """Write the database as it is at this moment into a new file; return its size in bytes.

    The file is readable for its owner alone and appears when it is whole.  Raises CannotStart.
    """
    if file.exists():
        raise CannotStart(f"{file} is there already; choose another name")
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        _take_sqlite(unfinished) if _is_sqlite() else _take_postgresql(unfinished)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(file)
    except OSError as error:
        raise CannotStart(f"{file} cannot be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return file.stat().st_size


def put_back(file: Path) -> None:
    """Make the database what it was when the file was taken.  Raises CannotStart.

    It happens in one transaction: whatever goes wrong, the database is as it was before.
    """
    if not file.is_file():
        raise BadBackup(f"{file} is not there")
    connections.close_all()
    _put_back_sqlite(file) if _is_sqlite() else _put_back_postgresql(file)


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def _take_sqlite(file: Path) -> None:
    with closing(_open(_live())) as live, closing(_open(file)) as copy:
        live.backup(copy, pages=1024)
        # A file of its own, without a journal beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        _prove(copy, file)


def _put_back_sqlite(file: Path) -> None:
    with closing(_open(file)) as copy:
        _prove(copy, file)
        with closing(_open(_live())) as live:
            try:
                # Only the last one who has it open may leave the write-ahead log.
                [mode] = live.execute("PRAGMA journal_mode=DELETE").fetchone()
            except sqlite3.OperationalError:
                raise InUse from None
            if mode != "delete":
                raise InUse
            copy.backup(live)


def _prove(copy: sqlite3.Connection, file: Path) -> None:
    try:
        [word] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise BadBackup(f"{file} is no backup: {error}") from None
    if word != "ok" or "django_migrations" not in tables:
        raise BadBackup(f"{file} is no whole backup of a panel")


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=5, isolation_level=None)


def _live() -> Path:
    return Path(connection.settings_dict["NAME"])


def _take_postgresql(file: Path) -> None:
    _run("pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={file}")


def _put_back_postgresql(file: Path) -> None:
    listed = _run("pg_restore", "--list", str(file))
    if b" django_migrations " not in listed:
        raise BadBackup(f"{file} is no backup of a panel")
    if _others():
        raise InUse
    script = _run(
        *("pg_restore", "--schema=public", "--no-owner", "--no-acl", "--file=-", str(file))
    )
    _run(
        *("psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
        *("--output=/dev/null", "--file=-"),
        stdin=_EMPTY.encode() + script,
    )


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        count: int = cursor.fetchone()[0]
    connections.close_all()
    return count


def _run(program: str, *arguments: str, stdin: bytes = b"") -> bytes:
    path = shutil.which(program)
    if path is None:
        raise CannotStart(f"{program} is not installed (Debian: apt install postgresql-client)")
    done = subprocess.run(  # noqa: S603  the names and options above, and a file's name
        [path, *arguments],
        env=os.environ | _address(connection.settings_dict),
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        words: Sequence[str] = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadBackup(f"{program} failed, nothing was changed: {' '.join(words[-3:])}")
    return done.stdout


def _address(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what names the database to libpq: not as arguments, which every user can list."""
    said = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
        "PGSSLMODE": settings.get("OPTIONS", {}).get("sslmode", ""),
    }
    return {name: str(value) for name, value in said.items() if value}
