"""The guard rails: which changes of a provider wait for a person.  All pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from relaypanel.catalogue.models import Cause
from relaypanel.providers.answers import Listing

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A change that waits.  `accepted` is the row as the shop last followed it."""

    cause: Cause
    accepted: Listing
    told_rate_e8: int
    rejected: bool = False


def is_short(*, told: int, known: int) -> bool:
    """Return whether a list holds too little of the one before it to be believed."""
    return told * 2 < known


def hold(held: Held | None, *, last: Listing, now: Listing, spike_percent: int) -> Held | None:
    """Return what waits after a row became `now`; None: the shop may follow it.

    What waits is compared with what was accepted before it, not with what was told last, so a
    spike that stays is still one, and one that passes by releases itself.
    """
    accepted = last if held is None else held.accepted
    cause = _cause(accepted, now, spike_percent)
    if held is not None and held.cause is Cause.UNDONE and now.rate_e8 == accepted.rate_e8:
        cause = cause or Cause.UNDONE
    return None if cause is None else wait(held, cause=cause, accepted=accepted, now=now)


def wait(held: Held | None, *, cause: Cause, accepted: Listing, now: Listing) -> Held:
    """Return what waits from now on.  A no that was said before is for the same change alone."""
    is_same = held is not None and (held.cause, held.told_rate_e8) == (cause, now.rate_e8)
    return Held(
        cause=cause,
        accepted=accepted,
        told_rate_e8=now.rate_e8,
        rejected=held is not None and held.rejected and is_same,
    )


def closes(cause: Cause) -> bool:
    """Return whether it would be wrong to send orders there, whatever they cost."""
    return cause in (Cause.TYPE, Cause.REUSED)


def _cause(accepted: Listing, now: Listing, spike_percent: int) -> Cause | None:
    if now.type != accepted.type:
        return Cause.TYPE
    if _is_other(accepted.name, now.name) and _is_other(accepted.category, now.category):
        return Cause.REUSED
    moved_e8 = abs(now.rate_e8 - accepted.rate_e8)
    return Cause.SPIKE if moved_e8 * 100 > accepted.rate_e8 * spike_percent else None


def _is_other(before: str, after: str) -> bool:
    """Return whether two texts differ and share no word; numbers, which many share, are none."""
    return before != after and not _words(before) & _words(after)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
