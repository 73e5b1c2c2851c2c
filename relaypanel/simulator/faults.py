"""What this panel is told to do wrong, for how many calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relaypanel.contract import Action


class FaultKind(StrEnum):
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"  # done, and the answer comes far too late
    LATENCY = "latency"  # done, and the answer comes late
    HTTP_500 = "http_500"  # not done
    HTTP_500_AFTER_ACCEPT = "http_500_after_accept"  # done, and the answer is an error page
    HTML = "html"  # not done: a challenge page with HTTP 200
    GARBAGE = "garbage"  # not done: bytes that are not JSON
    EMPTY = "empty"  # not done: no body
    RESET_AFTER_ACCEPT = "reset_after_accept"  # done, and the connection is reset
    DUPLICATE_ID = "duplicate_id"  # done, and answered with the ID of an earlier order
    NEGATIVE_REMAINS = "negative_remains"  # done; each status row says less than nothing is left
    UNKNOWN_WORD = "unknown_word"  # done; each status row carries `words` as its status
    MUDDLED = "muddled"  # done; a status list lacks, repeats, spoils and adds rows
    POISON = "poison"  # not done: HTTP 500 where an ID ends in `words`; done for all others
    ERROR = "error"  # not done: refused with `words`


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """None: of `action`, each action; of `times`, until it is cleared; else the kind's default."""

    kind: FaultKind
    action: Action | None = None
    times: int | None = None
    words: str | None = None
    seconds: float | None = None


class Faults:
    """The faults in force.  Of two for the same call the older one goes first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, action: str) -> Fault | None:
        """Return the fault for this call and count it, or None."""
        for at, (fault, _) in enumerate(self._waiting):
            if fault.action in (None, action):
                self._count(at)
                return fault
        return None

    def waiting(self) -> list[tuple[Fault, int | None]]:
        """Return each fault in force with how many calls it still spoils."""
        return list(self._waiting)

    def _count(self, at: int) -> None:
        fault, left = self._waiting[at]
        if left is None:
            return
        if left > 1:
            self._waiting[at] = (fault, left - 1)
        else:
            del self._waiting[at]
