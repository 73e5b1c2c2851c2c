"""Static files as a browser may keep them for ever: named by their content, and compressed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.files.storage import storages

_FINGERPRINT: Final = "fingerprint"


def gather() -> None:
    """Fill STATIC_ROOT, unless it holds just these files already.

    The folder changes as a whole: a process that serves from it sees the old or the new one.
    """
    root, fingerprint = Path(settings.STATIC_ROOT), _fingerprint()
    if _read(root / _FINGERPRINT) == fingerprint:
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="static-", dir=root.parent))
    _collect(fresh)
    (fresh / _FINGERPRINT).write_text(fingerprint)
    fresh.chmod(0o755)
    _replace(root, fresh)


def _fingerprint() -> str:
    """Return a digest of what the files are: their names, sizes and times."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _collect(folder: Path) -> None:
    """What `collectstatic` does, into a folder of our own choice."""
    backend = settings.STORAGES["staticfiles"]
    storage = storages.create_storage({**backend, "OPTIONS": {"location": str(folder)}})
    assert isinstance(storage, ManifestFilesMixin)
    found = {}
    for finder in get_finders():
        for name, source in finder.list([]):
            with source.open(name) as file:
                storage.save(name, file)
            found[name] = (storage, name)
    for _, _, outcome in storage.post_process(found):
        # It yields what it could not do instead of raising it.
        if isinstance(outcome, Exception):
            raise outcome


def _replace(root: Path, fresh: Path) -> None:
    old = fresh.with_name(f"{fresh.name}-old")
    if root.exists():
        root.rename(old)
    try:
        fresh.rename(root)
    except OSError:
        # Another process was quicker with the same files.
        shutil.rmtree(fresh)
    shutil.rmtree(old, ignore_errors=True)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
