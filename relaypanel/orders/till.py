"""Where single orders are paid: those that come while others are written share one commit.

A commit waits for the disk, and so do all who wait for it.  So who comes to an idle till places
an order at once, alone; who comes meanwhile queues, and the first of the queue places them all.

A till that has just served several will soon see them again: clients that were answered together
call again together.  So it waits a moment for as many as it knows of.  A lone caller waits for
nobody.

All batches go by one connection, one after the other.

Other processes may have the same accounts in hand.  Who comes while a batch waits for its accounts
joins it, if they are theirs: what waits for the next batch would wait for the same accounts again.
On SQLite a batch waits for the whole file, and has all accounts then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import InterfaceError, OperationalError

from relaypanel import database, prepared
from relaypanel.errors import Refused
from relaypanel.orders import place
from relaypanel.orders.place import OrderRequest

# Judging takes a tenth of a millisecond for each: more would wait longer for each other than for
# the disk.
BATCH_MAX: Final = 64
# As long as a commit takes on a good disk.
GATHER_SECONDS: Final = 0.001


@dataclass(slots=True, eq=False)
class _Ticket:
    """A caller in the queue; `outcome` None: it is this caller's turn to place the batch."""

    request: OrderRequest
    now: datetime
    turn: threading.Lock = field(default_factory=threading.Lock)
    outcome: int | BaseException | None = None


class _Till:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all_are_there = threading.Condition(self._lock)
        self._queue: list[_Ticket] = []
        self._is_busy = False
        self.connection: Final = database.Shared()
        # Those whom the last batch served, and those who came meanwhile.
        self._known = 1

    def place(self, ticket: _Ticket) -> None:
        """Return when the ticket has its outcome."""
        if self._must_wait(ticket):
            ticket.turn.acquire()
            if ticket.outcome is not None:
                return
        batch = self._next_batch()
        try:
            with self.connection.lent():
                _settle(batch, late=lambda: self._joining(batch))
        except BaseException as error:
            # The server ends: nobody may be left waiting.
            _fail(batch, error)
            raise
        finally:
            self._pass_on(batch, ticket)

    def _must_wait(self, ticket: _Ticket) -> bool:
        with self._lock:
            self._queue.append(ticket)
            if len(self._queue) >= self._known:
                self._all_are_there.notify()
            if not self._is_busy:
                self._is_busy = True
                return False
            ticket.turn.acquire()
            return True

    def _next_batch(self) -> list[_Ticket]:
        with self._lock:
            self._all_are_there.wait_for(
                lambda: len(self._queue) >= self._known, timeout=GATHER_SECONDS
            )
            batch, self._queue = self._queue[:BATCH_MAX], self._queue[BATCH_MAX:]
            return batch

    def _joining(self, batch: list[_Ticket]) -> list[OrderRequest]:
        """Let those of the queue join the batch whose accounts it has; return what they want."""
        users = {ticket.request.user_id for ticket in batch}
        has_all = prepared.is_sqlite()
        with self._lock:
            theirs = [it for it in self._queue if has_all or it.request.user_id in users]
            joining = theirs[: BATCH_MAX - len(batch)]
            self._queue = [ticket for ticket in self._queue if ticket not in joining]
        batch += joining
        return [ticket.request for ticket in joining]

    def _pass_on(self, batch: list[_Ticket], leader: _Ticket) -> None:
        """Let the first of the queue go on, and all of the batch know."""
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._is_busy = following is not None
            self._known = len(batch) + len(self._queue)
        for ticket in batch:
            if ticket is not leader:
                ticket.turn.release()
        if following is not None:
            following.turn.release()


_TILL: Final = _Till()


def pay(request: OrderRequest, *, now: datetime) -> int:
    """Place an order and return its ID, once it is on disk.  Raises the refusal."""
    if database.in_transaction():
        # Within somebody's transaction it is theirs to commit, and nobody else's.
        return _answer(*place.ids(requests=[request], now=now))
    ticket = _Ticket(request, now)
    _TILL.place(ticket)
    assert ticket.outcome is not None
    return _answer(ticket.outcome)


def _answer(outcome: int | BaseException) -> int:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _settle(batch: list[_Ticket], *, late: Callable[[], Sequence[OrderRequest]] = tuple) -> None:
    """Give each ticket its outcome.  One that breaks its batch breaks itself alone."""
    try:
        verdicts = _verdicts(batch, late)
    except (OperationalError, InterfaceError) as error:
        # Nobody knows whether the batch was committed, so that nobody may try it again.
        _fail(batch, error)
    except Exception as error:  # noqa: BLE001 - it is for those who asked
        if len(batch) == 1:
            _fail(batch, error)
            return
        for ticket in batch:
            _settle([ticket])
    else:
        for ticket, verdict in zip(batch, verdicts, strict=True):
            ticket.outcome = verdict


def _verdicts(
    batch: list[_Ticket], late: Callable[[], Sequence[OrderRequest]]
) -> list[int | Refused]:
    """Place the batch, also when this is the first query since the database was restarted."""
    has_accounts = False

    def joining() -> Sequence[OrderRequest]:
        nonlocal has_accounts
        has_accounts = True
        return late()

    def placed() -> list[int | Refused]:
        return place.ids(
            requests=[ticket.request for ticket in batch],
            now=max(ticket.now for ticket in batch),
            late=joining,
        )

    # Before it had the accounts it is certain that nothing was done.
    return database.anew(placed, unless=lambda: has_accounts)


def _fail(batch: list[_Ticket], error: BaseException) -> None:
    for ticket in batch:
        ticket.outcome = error
