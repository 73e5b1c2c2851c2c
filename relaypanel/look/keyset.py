"""Pages of a long list by the ID that the last one ended with: as quick at the end as in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from relaypanel.look.numbers import number


def before_id(request: HttpRequest) -> int | None:
    """Return the ID that the wanted page stays below; None: it is the first page."""
    return row_id(request, "before")


def row_id(request: HttpRequest, name: str) -> int | None:
    """Return the ID that this parameter of the address says, or None."""
    return number(request.GET.get(name, ""))


def next_page(
    request: HttpRequest, rows: Sequence[Any], *, more: bool, name: str = "before"
) -> str:
    """Return the address of the page after these rows, or nothing if there is none.

    `name` is the parameter that says where it begins.
    """
    if not more or not rows:
        return ""
    query = request.GET.copy()
    query[name] = str(rows[-1].pk)
    return f"?{query.urlencode()}"
