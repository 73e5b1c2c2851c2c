"""Answers that do not say how a running order stands: how often in a row an order got them.

They are kept in memory, because an order that did not change costs no write: after a restart
they are counted anew.  What lasts becomes one event on the order, for staff to look at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# A panel that hiccups recovers within a few looks.  This is five minutes for a fresh order at the
# usual pace, and the better part of an hour for an old one.
LASTING: Final = 10


class Oddity(StrEnum):
    VANISHED = "vanished"  # the provider took it, and knows its ID no more
    UNKNOWN_WORD = "unknown_word"  # a status that we do not know
    NO_REMAINS = "no_remains"  # Partial, without a number that money could go by
    NO_ANSWER = "no_answer"  # not mentioned, unreadable, or the call about it alone fails
    REFUSED = "status_refused"  # some other refusal to tell


@dataclass(slots=True)
class _Row:
    oddity: Oddity
    times: int


class Oddities:
    """What one process has been told in a row.  Two threads never judge the same order at once."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def note(self, order_id: int, oddity: Oddity | None) -> bool:
        """Count an answer; None: a plain one.  Return whether it is time to tell staff: once."""
        if oddity is None:
            self._rows.pop(order_id, None)
            return False
        row = self._rows.get(order_id)
        if row is None or row.oddity is not oddity:
            row = self._rows[order_id] = _Row(oddity, 0)
        row.times += 1
        return row.times == LASTING

    def lasting(self) -> Counter[Oddity]:
        """Count the orders that staff were told of and that still get no plain answer."""
        rows = list(self._rows.values())
        return Counter(row.oddity for row in rows if row.times >= LASTING)
