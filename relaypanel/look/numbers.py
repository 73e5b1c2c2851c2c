"""Numbers that come in an address or a form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from django.urls import register_converter
from django.urls.converters import IntConverter

# What a column of whole numbers holds on both databases.
NUMBER_MAX: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


def number(text: str) -> int | None:
    """Return the whole number that both databases can be asked for, None for any other text."""
    found = int(text) if _NUMBER.fullmatch(text) else None
    return None if found is None or found > NUMBER_MAX else found


def numbers(texts: Iterable[str]) -> list[int]:
    """Return those of the texts that are such numbers."""
    return [found for text in texts if (found := number(text)) is not None]


class IdConverter(IntConverter):
    """A number in a path, `<id:name>`; to any other number there leads no path."""

    def to_python(self, value: Any) -> int:
        found = number(str(value))
        if found is None:
            raise ValueError
        return found


# For whoever imports this module.
register_converter(IdConverter, "id")
