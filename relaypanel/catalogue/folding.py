"""Text without case and accents, so that "cam xuc viet" finds "Cảm xúc Việt" on both databases.

The column that keeps it is written here alone: whoever saves a row saves it too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from django.db import models

# Letters that are letters of their own, which decomposition leaves as they are.
_OWN_LETTERS: Final = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ı": "i"})


def fold(text: str) -> str:
    """Return the text as people type it in a hurry: lower case, no accents, single spaces.

    NFKD also turns the ornate letters that panels like (𝗟𝗶𝗸𝗲, ⓛⓘⓚⓔ) into plain ones.
    """
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_OWN_LETTERS)
    # Once more, because folding the case may leave marks of its own: "İ" becomes "i̇".
    marked = unicodedata.normalize("NFKD", plain)
    return " ".join("".join(c for c in marked if not unicodedata.combining(c)).split())


class Folded(models.TextField):  # type: ignore[type-arg]
    """Keeps another column folded.  Set by saving and by bulk_create, whatever the row says."""

    def __init__(self, *, of: str, **options: Any) -> None:
        self.of = of
        super().__init__(**options | {"default": "", "editable": False})

    def pre_save(self, row: models.Model, add: bool) -> str:  # noqa: ARG002  Django's signature
        folded = fold(getattr(row, self.of))
        setattr(row, self.attname, folded)
        return folded

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, path, args, options = super().deconstruct()
        del options["default"], options["editable"]
        return name, path, args, options | {"of": self.of}


def with_folded(columns: Iterable[str]) -> list[str]:
    """Return the columns to save, with the folded one where the name is among them."""
    wanted = set(columns)
    return sorted(wanted | {"name_folded"} if "name" in wanted else wanted)
