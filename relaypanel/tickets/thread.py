"""The one writer of a ticket's messages, its state and its unread counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.models import F, Prefetch

from relaypanel import errors
from relaypanel.tickets.models import SUBJECT_CHARACTERS_MAX, Kind, Message, Picture, State, Ticket
from relaypanel.tickets.pictures import Drawn

TEXT_CHARACTERS_MAX: Final = 5000
# What a column of IDs can hold.
ID_MAX: Final = 2**63 - 1

# Control characters, lone surrogates and marks that reorder text: a database or a reader trips
# over them, and nobody writes them to ask for help.
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


class Side(StrEnum):
    """Who reads: each by the column of its unread count."""

    USER = "unread_by_user"
    STAFF = "unread_by_staff"


class NoSuchTicket(errors.Refused):
    """There is no such ticket, or it is somebody else's: the answer is the same."""

    code = "ticket_not_found"


class SubjectNeeded(errors.Refused):
    code = "ticket_subject_needed"


class SubjectTooLong(errors.Refused):
    code = "ticket_subject_too_long"


class TextNeeded(errors.Refused):
    code = "ticket_text_needed"


class TextTooLong(errors.Refused):
    code = "ticket_text_too_long"


# What each kind of message does to the ticket.
_STATE_AFTER: Final = {
    Kind.CUSTOMER: State.OPEN,
    Kind.STAFF: State.ANSWERED,
    Kind.CLOSED: State.CLOSED,
}
# Whose unread count it adds to.
_UNREAD_BY: Final = {Kind.CUSTOMER: Side.STAFF, Kind.STAFF: Side.USER}


def subject(text: str) -> str:
    """Return a subject as it is kept.  Raises SubjectNeeded and SubjectTooLong."""
    kept = " ".join(_UNWANTED.sub("", text).split())
    if not kept:
        raise SubjectNeeded
    if len(kept) > SUBJECT_CHARACTERS_MAX:
        raise SubjectTooLong
    return kept


def words(text: str) -> str:
    """Return a message as it is kept.  Raises TextNeeded and TextTooLong."""
    kept = _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not kept:
        raise TextNeeded
    if len(kept) > TEXT_CHARACTERS_MAX:
        raise TextTooLong
    return kept


def write(
    ticket: Ticket,
    *,
    kind: Kind,
    author_id: int,
    now: datetime,
    text: str = "",
    drawn: Sequence[Drawn] = (),
) -> Message:
    """Add a message to a ticket that is locked, and let the ticket follow.

    A note changes nothing that the customer can see.
    """
    message = Message.objects.create(
        ticket=ticket, author_id=author_id, kind=kind, text=text, at=now
    )
    Picture.objects.bulk_create(
        Picture(message=message, width=one.width, height=one.height, webp=one.webp) for one in drawn
    )
    if kind in _STATE_AFTER:
        _follow(ticket, kind, now)
    return message


def messages(ticket: Ticket, *, with_notes: bool) -> list[Message]:
    """Return what is said in a ticket, oldest first, with its pictures but for their pixels."""
    said = Message.objects.filter(ticket=ticket).select_related("author").order_by("pk")
    if not with_notes:
        said = said.exclude(kind=Kind.NOTE)
    return list(said.prefetch_related(Prefetch("pictures", Picture.objects.defer("webp"))))


def mark(ticket: Ticket, *, said: Sequence[Message] | None = None) -> str:
    """Return what changes whenever the customer would see something new in the ticket.

    `said` is what a reader is about to see of it; None: what there is.
    """
    if said is not None:
        return f"{said[-1].pk}-{ticket.state}"
    seen = Message.objects.filter(ticket=ticket).exclude(kind=Kind.NOTE)
    last = seen.order_by("-pk").values_list("pk", flat=True).first()
    return f"{last}-{ticket.state}"


def mark_read(ticket: Ticket, *, by: Side) -> None:
    """Note that this side has seen everything."""
    Ticket.objects.filter(pk=ticket.pk, **{f"{by}__gt": 0}).update(**{by: 0})
    setattr(ticket, by, 0)


def _follow(ticket: Ticket, kind: Kind, now: datetime) -> None:
    ticket.state, ticket.changed_at = _STATE_AFTER[kind], now
    ticket.save(update_fields=["state", "changed_at"])
    if kind in _UNREAD_BY:
        side = _UNREAD_BY[kind]
        Ticket.objects.filter(pk=ticket.pk).update(**{side: F(side) + 1})
