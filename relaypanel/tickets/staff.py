"""Tickets as staff have them: the queue, answers, notes, who looks after which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from relaypanel import errors
from relaypanel.accounts.models import Role, User
from relaypanel.notices import outbox
from relaypanel.notices.models import Kind as NoticeKind
from relaypanel.tickets import listing, pictures, thread
from relaypanel.tickets.models import Kind, Message, State, Template, Ticket

CLOSED_AT_ONCE_MAX: Final = 200
TITLE_CHARACTERS_MAX: Final = 80


class NoSuchStaff(errors.Refused):
    """A ticket is looked after by somebody of the staff, and this is nobody of them."""

    code = "no_such_staff"


class TooManyAtOnce(errors.Refused):
    code = "too_many_tickets_at_once"


class NoSuchTemplate(errors.Refused):
    code = "no_such_template"


class TitleNeeded(errors.Refused):
    code = "template_title_needed"


class TitleTooLong(errors.Refused):
    code = "template_title_too_long"


class TitleTaken(errors.Refused):
    code = "template_title_taken"


def queue(
    *,
    state: State | None = None,
    assignee_id: int | None = None,
    user_id: int | None = None,
    search: str = "",
    after: str = "",
) -> listing.Page:
    """Return a page of the tickets that match, latest first.

    `search` is a ticket's number, a customer's whole name, or words of a subject.
    """
    rows = Ticket.objects.select_related("user", "assignee")
    if state is not None:
        rows = rows.filter(state=state)
    if assignee_id is not None:
        rows = rows.filter(assignee_id=assignee_id)
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    if search:
        rows = rows.filter(_matches(search))
    return listing.page(rows, after=after)


def find(ticket_id: int) -> Ticket:
    """Return any customer's ticket.  Raises NoSuchTicket."""
    ticket = Ticket.objects.select_related("user", "assignee").filter(pk=ticket_id).first()
    if ticket is None:
        raise thread.NoSuchTicket
    return ticket


def read(ticket_id: int) -> tuple[Ticket, list[Message]]:
    """Return the ticket with all that is said in it, notes too, and note that it was seen."""
    ticket = find(ticket_id)
    if ticket.unread_by_staff:
        thread.mark_read(ticket, by=thread.Side.STAFF)
    return ticket, thread.messages(ticket, with_notes=True)


def unread() -> int:
    """Return how many tickets hold something that none of the staff has looked at."""
    return Ticket.objects.filter(unread_by_staff__gt=0).count()


def answer(
    *, ticket_id: int, author_id: int, text: str, now: datetime, uploads: Sequence[bytes] = ()
) -> Message:
    """Answer the customer; a closed ticket is answered then.

    Raises NoSuchTicket and what thread.words and pictures.draw_all raise.
    """
    find(ticket_id)
    text, drawn = thread.words(text), pictures.draw_all(uploads)
    with transaction.atomic():
        ticket = _locked(ticket_id)
        message = thread.write(
            ticket, kind=Kind.STAFF, author_id=author_id, text=text, drawn=drawn, now=now
        )
        _tell(ticket, message, now)
    return message


def open_for(*, user_id: int, author_id: int, subject: str, text: str, now: datetime) -> Ticket:
    """Write to a customer first.  Raises what thread.subject and thread.words raise."""
    subject, text = thread.subject(subject), thread.words(text)
    with transaction.atomic():
        ticket = Ticket.objects.create(
            user_id=user_id, subject=subject, opened_at=now, changed_at=now
        )
        message = thread.write(ticket, kind=Kind.STAFF, author_id=author_id, text=text, now=now)
        _tell(ticket, message, now)
    return ticket


def note(*, ticket_id: int, author_id: int, text: str, now: datetime) -> Message:
    """Write something that staff alone read.  Raises NoSuchTicket and what thread.words raises."""
    text = thread.words(text)
    with transaction.atomic():
        return thread.write(
            _locked(ticket_id), kind=Kind.NOTE, author_id=author_id, text=text, now=now
        )


def assign(*, ticket_id: int, assignee_id: int | None) -> Ticket:
    """Let somebody of the staff look after a ticket; None: nobody does.

    Raises NoSuchTicket and NoSuchStaff.
    """
    if assignee_id is not None and not staff().filter(pk=assignee_id).exists():
        raise NoSuchStaff
    with transaction.atomic():
        ticket = _locked(ticket_id)
        ticket.assignee_id = assignee_id
        ticket.save(update_fields=["assignee"])
    return ticket


def close(*, ticket_ids: Sequence[int], author_id: int, now: datetime) -> list[int]:
    """Close these tickets and return which of them were not closed or absent before.

    Raises TooManyAtOnce.
    """
    if len(ticket_ids) > CLOSED_AT_ONCE_MAX:
        raise TooManyAtOnce
    asked = [ticket_id for ticket_id in ticket_ids if 0 < ticket_id <= thread.ID_MAX]
    with transaction.atomic():
        rows = Ticket.objects.select_for_update(no_key=True).filter(pk__in=asked)
        tickets = list(rows.exclude(state=State.CLOSED).order_by("pk"))
        for ticket in tickets:
            thread.write(ticket, kind=Kind.CLOSED, author_id=author_id, now=now)
            thread.mark_read(ticket, by=thread.Side.STAFF)
    return [ticket.pk for ticket in tickets]


def staff() -> QuerySet[User]:
    """Return who may look after tickets, by their names."""
    return User.objects.filter(role__in=(Role.STAFF, Role.OWNER), is_active=True).order_by(
        "username"
    )


def templates() -> list[Template]:
    return list(Template.objects.order_by("title"))


def keep_template(*, title: str, text: str, template_id: int | None = None) -> Template:
    """Return the answer that is kept under this title, new or changed.

    Raises TitleNeeded, TitleTooLong, TitleTaken, NoSuchTemplate and what thread.words raises.
    """
    title, text = " ".join(title.split()), thread.words(text)
    if not title:
        raise TitleNeeded
    if len(title) > TITLE_CHARACTERS_MAX:
        raise TitleTooLong
    template = Template() if template_id is None else _template(template_id)
    template.title, template.text = title, text
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        raise TitleTaken from None
    return template


def drop_template(template_id: int) -> None:
    """Raises NoSuchTemplate."""
    _template(template_id).delete()


def _template(template_id: int) -> Template:
    template = Template.objects.filter(pk=template_id).first()
    if template is None:
        raise NoSuchTemplate
    return template


def _matches(search: str) -> Q:
    words = search.strip()
    matches = Q(subject__icontains=words) | Q(user__username__iexact=words)
    number = words.removeprefix("#")
    if number.isascii() and number.isdecimal() and len(number) < 19:
        matches |= Q(pk=int(number))
    return matches


def _tell(ticket: Ticket, message: Message, now: datetime) -> None:
    outbox.tell(
        user_id=ticket.user_id,
        kind=NoticeKind.TICKET_ANSWERED,
        data={"ticket": ticket.pk, "message": message.pk, "subject": ticket.subject},
        now=now,
    )


def _locked(ticket_id: int) -> Ticket:
    ticket = Ticket.objects.select_for_update(no_key=True).filter(pk=ticket_id).first()
    if ticket is None:
        raise thread.NoSuchTicket
    return ticket
