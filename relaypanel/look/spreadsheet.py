"""Lists as CSV: sent while they are read, and harmless in whatever opens them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import islice
from typing import Final

from django.http import StreamingHttpResponse
from django.utils import timezone, translation

# What begins so is a formula to a spreadsheet, also when the text came from somebody else.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
# Rows that go out together: one by one, each would be a write to the socket.
_BATCH: Final = 200


def response(rows: Iterable[Sequence[object]], *, name: str) -> StreamingHttpResponse:
    """Return a download of the rows, the heading first; numbers stay numbers, text stays text."""
    lines = _lines(rows, translation.get_language(), timezone.get_current_timezone())
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def safe(cell: object) -> str:
    """Return the cell as text that is never a formula.  Pass amounts as `Number`.

    A moment is told in the reader's time zone.
    """
    if isinstance(cell, datetime):
        local = cell.astimezone(timezone.get_current_timezone())
        return local.isoformat(sep=" ", timespec="seconds")
    text = "" if cell is None else str(cell)
    if isinstance(cell, int | Number):
        return text
    return f"'{text}" if text.startswith(_FORMULA) else text


class Number(str):
    """Digits of ours, which may begin with a minus."""

    __slots__ = ()


class _Echo:
    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterable[Sequence[object]], language: str | None, zone: tzinfo) -> Iterator[str]:
    # Without the mark Excel reads UTF-8 as something else.
    yield _BOM
    writer, left = csv.writer(_Echo()), iter(rows)
    while True:
        # By the time this is sent, the request has turned back from language and zone.
        with translation.override(language), timezone.override(zone):
            batch = [writer.writerow(map(safe, row)) for row in islice(left, _BATCH)]
        if not batch:
            return
        yield "".join(batch)
