"""SQLite's connection: statements wait for the file in turns.

SQLite takes one writer at a time.  By itself it lets who finds the file taken sleep, 1 ms at first
and up to 100, while whoever comes at the right moment goes ahead.  Here one thread of each process
asks every millisecond, and the others of its process wait behind it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final, TypeVar

from relaypanel import clock

Found = TypeVar("Found")

# A third of what a batch of orders takes.  Asking more often costs the processor more, and gains
# nothing.
ASK_EVERY_SECONDS: Final = 0.001
# Another writes, or makes the file good again after somebody was killed.
_TAKEN: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
# Held by the thread that asks.
_ASKING: Final = threading.Lock()


class Connection(sqlite3.Connection):
    """`timeout` is for how many seconds a statement waits before it says "database is locked"."""

    def __init__(self, database: Any, *, timeout: float, **options: Any) -> None:
        super().__init__(database, timeout=0, **options)
        self.patience_seconds: Final = timeout

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(_patient(factory))

    def execute(self, *args: Any) -> Any:
        # By a cursor that it makes itself, not by one of the above.
        return _patiently(super().execute, args, seconds=self.patience_seconds)


class _Patient(sqlite3.Cursor):
    """What a cursor is beside what it was: see `_patient`."""

    connection: Connection

    def execute(self, *args: Any) -> Any:
        return _patiently(super().execute, args, seconds=self.connection.patience_seconds)


@cache
def _patient(factory: type[sqlite3.Cursor]) -> type[sqlite3.Cursor]:
    return type("PatientCursor", (_Patient, factory), {})


def _patiently(ask: Callable[..., Found], args: Sequence[Any], *, seconds: float) -> Found:
    """Return what `ask` does once the file is free; what finds it taken has done nothing."""
    try:
        return ask(*args)
    except sqlite3.OperationalError as error:
        if not _is_taken(error):
            raise
    return _in_turn(partial(ask, *args), seconds=seconds)


def _in_turn(ask: Callable[[], Found], *, seconds: float) -> Found:
    until = clock.monotonic() + seconds
    # False: the time is over, and it is asked once more to say so.
    is_asking = _ASKING.acquire(timeout=seconds)
    try:
        while True:
            try:
                return ask()
            except sqlite3.OperationalError as error:
                if not _is_taken(error) or clock.monotonic() >= until:
                    raise
            time.sleep(ASK_EVERY_SECONDS)
    finally:
        if is_asking:
            _ASKING.release()


def _is_taken(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", None) in _TAKEN
