"""Notices that the database went back in time, before an order is sent again because of it.

A database that was restored from a backup has forgotten what was sent since, and takes orders
for waiting that providers have long had.  So each worker keeps, in a file outside the database,
the last things it saw happen.  Where they are missing the history is another one, and nothing
is sent until the owner has said so: `relaypanel restored`.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import connection

from relaypanel.duties.models import Restoration
from relaypanel.ledger.models import Transfer
from relaypanel.orders.models import Order, OrderEvent
from relaypanel.preflight import CannotStart

# What is lost with a worker that dies is at most what it saw since it last wrote.
EVERY_SECONDS: Final = 1.0

_Dated = OrderEvent | Transfer | Restoration


class WentBack(CannotStart):
    def __init__(self) -> None:
        super().__init__(
            "the database is behind what was seen here, as after restoring a backup;"
            " run `relaypanel restored`, so that nothing is sent twice"
        )


class _Row(msgspec.Struct, frozen=True):
    """One row that was there.  After a restore its ID may be given again, but not its moment."""

    id: int
    at: datetime


class _Mark(msgspec.Struct, frozen=True):
    """The latest rows at one moment; None: there were none yet."""

    event: _Row | None = None
    transfer: _Row | None = None
    restoration: _Row | None = None


def advance() -> None:
    """Remember how far the database's history has come.  Raises WentBack, and CannotStart."""
    seen = _read()
    now = _latest()
    if _is_behind(seen, now):
        raise WentBack
    if now != seen:
        _write(now)


def is_behind() -> bool:
    """Tell whether the database lacks what was seen here."""
    return _is_behind(_read(), _latest())


def begin_anew() -> None:
    """Take the history for the right one as it stands now."""
    _write(_latest())


def _is_behind(seen: _Mark, now: _Mark) -> bool:
    if not Order.objects.exists():
        # A new database under an old name: there is nothing to send.
        return False
    if now.restoration and (not seen.restoration or now.restoration.at > seen.restoration.at):
        # Somebody has said since that it was restored, maybe on another machine.
        return False
    return not (
        _has(seen.event, "at", OrderEvent)
        and _has(seen.transfer, "created_at", Transfer)
        and _has(seen.restoration, "at", Restoration)
    )


def _has(row: _Row | None, moment: str, model: type[_Dated]) -> bool:
    return row is None or model.objects.filter(pk=row.id, **{moment: row.at}).exists()


def _latest() -> _Mark:
    return _Mark(
        event=_last("at", OrderEvent),
        transfer=_last("created_at", Transfer),
        restoration=_last("at", Restoration),
    )


def _last(moment: str, model: type[_Dated]) -> _Row | None:
    row = model.objects.order_by("-pk").values_list("pk", moment).first()
    return None if row is None else _Row(id=row[0], at=row[1])


def _read() -> _Mark:
    try:
        return msgspec.json.decode(_path().read_bytes(), type=_Mark)
    except FileNotFoundError:
        return _Mark()
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotStart(f"STATE_DIR: {_path()} cannot be read: {error}") from None


def _write(mark: _Mark) -> None:
    path = _path()
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(mark))
        # At once or not at all: a worker may be killed here.
        fresh.replace(path)
    except OSError as error:
        raise CannotStart(f"STATE_DIR: {path} cannot be written: {error.strerror}") from None


def _path() -> Path:
    """Return the file of this database: one machine may run the workers of several panels."""
    database = connection.settings_dict
    place = [str(database[part]) for part in ("ENGINE", "HOST", "PORT", "NAME")]
    digest = hashlib.sha256("\n".join(place).encode()).hexdigest()
    return Path(settings.STATE_DIR) / f"history-{digest[:12]}.json"
