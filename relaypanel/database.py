"""The connections to the database: each thread's own, and those that threads use in turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connections

log = structlog.get_logger(__name__)

Found = TypeVar("Found")

# Django's connection of each thread, which stays the same one however often it is closed: asking
# Django each time costs a tenth of a look-up.
_OF_THREAD: Final = threading.local()


def of_thread() -> Any:
    """Return Django's connection of this thread."""
    try:
        return _OF_THREAD.connection
    except AttributeError:
        _OF_THREAD.connection = connections["default"]
        return _OF_THREAD.connection


def in_transaction() -> bool:
    """Return whether a transaction is open on this thread's connection."""
    return bool(of_thread().in_atomic_block)


def tidy() -> None:
    """Forget what the last call left on this thread's connection, as Django does around a page.

    A connection that failed or is too old is closed: what is asked next connects anew.  Within
    somebody's transaction, which only tests hold around a call, nothing is closed.
    """
    connection = of_thread()
    if connection.queries_log:
        # Django keeps it in DEBUG.
        connection.queries_log.clear()
    may_be_over = connection.errors_occurred or connection.close_at is not None
    if may_be_over and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def anew(ask: Callable[[], Found], *, unless: Callable[[], bool] = bool) -> Found:
    """Return what `ask` does, also when the database was restarted since the last call.

    When the connection turns out to be lost it is asked once more on a new one, so that nothing
    may have been done by then: else `unless` is true.
    """
    connection = of_thread()
    before = connection.connection
    try:
        return ask()
    except (InterfaceError, OperationalError):
        tidy()
        # Another fault leaves the connection as it was, and without one there is no database.
        if before is None or connection.connection is before or unless():
            raise
        log.warning("database_connects_anew")
        return ask()


@contextmanager
def forgetful() -> Iterator[None]:
    """Let SQLite not wait for the disk: what is committed within may be forgotten in a power cut.

    What is committed afterwards waits for its own sake and for this.  Within a transaction, and on
    PostgreSQL, it changes nothing.
    """
    connection = of_thread()
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.connection.execute("PRAGMA synchronous=FULL")


class Shared:
    """A connection beside those of the threads, which use it in turns.

    What one connection does all the time PostgreSQL has at hand: its plans, its tables, and the
    memory of the process behind it, which another connection would have to fetch first.
    """

    def __init__(self) -> None:
        self._connection: Any = None

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Be Django's connection of this thread, which has no transaction open."""
        own = of_thread()
        assert not own.in_atomic_block
        if self._connection is None:
            self._connection = connections.create_connection("default")
            self._connection.inc_thread_sharing()
        _use(self._connection)
        try:
            tidy()
            yield
        finally:
            _use(own)


def _use(connection: Any) -> None:
    connections["default"] = _OF_THREAD.connection = connection
