"""Tells from a provider's words what its refusal means.

Panels answer in the English sentences of docs/api-v2.md, in variants of them, or in tokens
like "neworder.error.min_quantity".
"""

from __future__ import annotations

import re
from typing import Final

from relaypanel import errors
from relaypanel.providers.answers import Fault, Rejected

WORDS_CHARACTERS_MAX: Final = 200

# These are about the whole call and not about the one order that it named.
ABOUT_THE_CALL: Final = frozenset((Fault.BAD_KEY, Fault.NO_FUNDS, Fault.RATE_LIMIT))

_BY_STATUS: Final = {401: Fault.BAD_KEY, 429: Fault.RATE_LIMIT}

_BAD = r"(?:incorrect|invalid|wrong|bad|unknown|missing|no such)"
_IS = r"(?:is |was |are |does |do |has been |currently |error )*"
_NOT_THERE = r"(?:not (?:found|exist\w*|valid|correct)|incorrect|invalid|wrong|unknown)"
_FIELD = (
    r"(?:link|url|quantity|comments?|usernames?|hashtags?|keywords?|google keyword|groups?|media"
    r"|answer number|runs|interval|country|device|type of traffic|referring url|posts|old posts"
    r"|delay|expiry|min|max)"
)

# The first line that matches counts, so the narrower stand above the wider.
_TABLE: Final = tuple(
    (fault, re.compile("|".join(patterns)))
    for fault, patterns in (
        (
            Fault.BAD_KEY,
            (
                rf"\b{_BAD} (?:api )?(?:key|token)\b",
                rf"\b(?:api )?key {_IS}(?:{_NOT_THERE}|inactive|disabled|expired|required|missing)",
                r"\bunauthori[sz]ed|\bunauthenticated|\baccess denied",
                r"\b(?:user|account) (?:is |was |has been )*"
                r"(?:suspended|blocked|banned|disabled|inactive|not active)",
                r"\bip (?:address )?(?:is )?not (?:allowed|whitelisted)",
            ),
        ),
        (
            Fault.NO_FUNDS,
            (
                r"\bnot enough (?:funds|money|credits?|\w* ?balance)",
                r"\binsufficient (?:funds?|money|credits?|\w* ?balance)",
                r"\b(?:low|zero) (?:balance|funds)",
                r"\bbalance (?:is )?(?:too )?(?:low|insufficient|not enough)",
            ),
        ),
        (
            Fault.LINK_BUSY,
            (
                r"\bactive order",
                r"\border\w* .*\b(?:same|this) (?:link|url|page)\b",
                r"\b(?:link|url) (?:is )?(?:duplicate|already|busy|in progress|in use)",
                r"\bduplicated? (?:link|order|url)",
            ),
        ),
        (
            Fault.RATE_LIMIT,
            (
                r"\btoo many (?:requests|attempts|calls)",
                r"\brate limit|\brequests? limit|\blimit of requests|\bthrottl",
                r"\bslow down|\btry again|\btry later|\btoo fast|\btoo frequent",
                # Words of a panel at rest, and not about the one service that was ordered.
                r"\bmaintenance|\btemporarily|\bservice (?:is )?unavailable",
            ),
        ),
        (
            Fault.UNKNOWN_ORDER,
            (
                rf"\b{_BAD} (?:order|refill)(?: task)?(?: ids?)?$",
                rf"\b(?:order|refill)(?: task)?(?: ids?)?(?: \d+)? {_IS}{_NOT_THERE}",
            ),
        ),
        (
            Fault.NOT_POSSIBLE,
            (
                r"\brefill(?:s|ing)? .*\b(?:disabled|not|unavailable|requested|over|expired"
                r"|already|progress|hours)\b",
                r"\border (?:is |was )?not (?:yet )?completed?",
                r"\bno longer be (?:cancell?ed|refilled)",
                r"\b(?:can ?not|cant|could not|unable to) (?:be )?(?:cancel|refill)",
                r"\bcancel\w* (?:is |was )?(?:disabled|not|unavailable|already|denied)",
                r"\balready (?:cancell?ed|completed|refilled|refilling|refunded)",
                r"\bnot (?:\w+ )?(?:for|be) (?:a )?(?:refill|cancel)",
            ),
        ),
        (
            Fault.NEVER,
            (
                rf"\b{_BAD} (?:\w+ )?{_FIELD}\b",
                rf"\b{_FIELD} {_IS}(?:{_NOT_THERE}|required|missing|empty|bad|not supported"
                r"|not allowed|private|too long)",
                r"\bquantity (?:is )?(?:less|more|lower|higher|below|above|greater|smaller|must"
                r"|should|too)",
                r"\b(?:min|max)(?:imum|imal)?(?: order)? (?:quantity|amount|is|order|\d)",
                r"\bdrip ?feed",
                r"\bblack ?list",
            ),
        ),
        (
            Fault.SERVICE_DEAD,
            (
                rf"\b(?:{_BAD}|inactive|disabled) service",
                rf"\bservice(?: ids?)?(?: \d+)? {_IS}(?:{_NOT_THERE}|not available|not active"
                r"|disabled|inactive|deleted|removed|closed|suspended|paused|stopped)",
            ),
        ),
    )
)


class Declined(errors.ProviderError):
    """A provider refused a call as a whole; `fault` says what for."""

    def __init__(self, refusal: Rejected) -> None:
        self.fault = refusal.fault
        super().__init__(refusal.words)


def rejected(words: str, *, status: int = 200) -> Rejected:
    """Return the refusal that `words` say; the HTTP status helps where they are not understood."""
    return Rejected(fault=_fault(words, status), words=for_staff(words))


def _fault(words: str, status: int) -> Fault:
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", _without_apostrophes(words[:1000]).lower()).split())
    for fault, pattern in _TABLE:
        if pattern.search(plain):
            return fault
    return _BY_STATUS.get(status, Fault.OTHER)


def _without_apostrophes(words: str) -> str:
    return words.replace("'", "").replace("’", "")


def for_staff(words: str) -> str:
    """Return one short line without addresses: they may hold keys, and lead away from our pages."""
    line = re.sub(r"(?:https?:)?//\S+|www\.\S+", "[address]", words, flags=re.IGNORECASE)
    line = "".join(character if character.isprintable() else " " for character in line)
    return " ".join(line.split())[:WORDS_CHARACTERS_MAX]
