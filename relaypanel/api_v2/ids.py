"""Reads the IDs that a caller asks for."""

from __future__ import annotations

import re
from typing import Final

from relaypanel.api_v2.request import UNREADABLE
from relaypanel.contract import IDS_MAX
from relaypanel.errors import Refused

# One spelling for each number, so that an ID and its text stand for each other.  Eighteen digits
# fit the databases' big integers.
_ID: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)

# A list of nothing else, as programs write it, and no longer than a call may name.
_LIST: Final = re.compile(rf"(?:{_ID.pattern})(?:,(?:{_ID.pattern}))*", re.ASCII)
_LIST_CHARACTERS_MAX: Final = IDS_MAX * len("100200300400500600,")

# What is too long for an ID is answered under its beginning: a reply need not carry it all.
_ECHO_CHARACTERS_MAX: Final = 40


class TooManyIds(Refused):
    code = "too_many_ids"

    def __init__(self) -> None:
        self.ids_max = IDS_MAX
        super().__init__(f"more than {IDS_MAX} IDs")


def one(text: str) -> int | None:
    """Return the ID that `text` says; None: it says none."""
    stripped = text.strip(" \t\r\n")
    return int(stripped) if _ID.fullmatch(stripped) else None


def many(text: str) -> dict[str, int | None]:
    """Return the IDs of a comma separated list, in its order, under the text of each.

    Empty items are skipped and a repeated one counts once.  None: the text is no ID.  A JSON
    value that is no list of IDs asks for none.  Raises TooManyIds.
    """
    if text == UNREADABLE:
        return {}
    pieces = text.split(",")
    asked: dict[str, int | None]
    if len(text) < _LIST_CHARACTERS_MAX and _LIST.fullmatch(text):
        asked = dict(zip(pieces, map(int, pieces), strict=True))
    else:
        items = (piece.strip(" \t\r\n") for piece in pieces)
        asked = {_echo(item): one(item) for item in items if item}
    if len(asked) > IDS_MAX:
        raise TooManyIds
    return asked


def _echo(text: str) -> str:
    # Lone surrogates, which stand for bytes that are no UTF-8, cannot be written in a reply.
    return text[:_ECHO_CHARACTERS_MAX].encode("utf-8", "replace").decode()
