"""Pages of tickets, the one with the latest change first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from relaypanel.tickets.models import Ticket

ROWS: Final = 25

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR: Final = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`next` asks for the page after this one; "": there is none."""

    tickets: list[Ticket]
    next: str


def page(rows: QuerySet[Ticket], *, after: str = "") -> Page:
    """Return the page of `rows` after the place that another page's `next` names.

    What names no place is the beginning.
    """
    found = list(_following(rows, after).order_by("-changed_at", "-id")[: ROWS + 1])
    shown = found[:ROWS]
    return Page(tickets=shown, next=_place(shown[-1]) if len(found) > ROWS else "")


def _following(rows: QuerySet[Ticket], after: str) -> QuerySet[Ticket]:
    match = _CURSOR.fullmatch(after)
    if match is None:
        return rows
    changed_at = _EPOCH + timedelta(microseconds=int(match[1]))
    return rows.filter(
        Q(changed_at__lt=changed_at) | Q(changed_at=changed_at, pk__lt=int(match[2]))
    )


def _place(ticket: Ticket) -> str:
    return f"{(ticket.changed_at - _EPOCH) // timedelta(microseconds=1)}-{ticket.pk}"
