"""Numbers that come in an address or a form."""

from __future__ import annotations

import re

from relaypanel.orders.history import ID_MAX


def number(text: str) -> int | None:
    """Return the whole number that both databases can be asked for, None for any other text."""
    is_number = re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) and int(text) <= ID_MAX
    return int(text) if is_number else None
