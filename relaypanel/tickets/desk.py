"""Tickets as their customer has them: every look-up starts from the owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from relaypanel import errors
from relaypanel.accounts.models import User
from relaypanel.orders.models import Order
from relaypanel.tickets import listing, pictures, thread
from relaypanel.tickets.models import Kind, Message, State, Ticket

ORDERS_MAX: Final = 20
# More than a person has reason for; a script that floods the desk stops here.
UNCLOSED_MAX: Final = 10
MESSAGES_AN_HOUR_MAX: Final = 30
PICTURES_A_DAY_MAX: Final = 40


class UnknownOrders(errors.Refused):
    """There are no such orders, or they are somebody else's: the answer is the same."""

    code = "ticket_orders_unknown"

    def __init__(self, *, order_ids: Sequence[int]) -> None:
        self.order_ids = order_ids
        super().__init__(f"no such orders: {order_ids}")


class TooManyOrders(errors.Refused):
    code = "ticket_orders_too_many"


class TooManyTickets(errors.Refused):
    """The customer waits for as many answers as anybody may."""

    code = "too_many_tickets"


class TooManyMessages(errors.Refused):
    code = "too_many_messages"


class TooManyPicturesToday(errors.Refused):
    code = "too_many_pictures_today"


class AlreadyClosed(errors.Refused):
    code = "ticket_already_closed"


def open_ticket(
    *,
    user_id: int,
    subject: str,
    text: str,
    now: datetime,
    order_ids: Sequence[int] = (),
    uploads: Sequence[bytes] = (),
) -> Ticket:
    """Return a new ticket about the user's own orders.

    Raises what thread.subject, thread.words and pictures.draw_all raise, and UnknownOrders,
    TooManyOrders, TooManyTickets, TooManyMessages and TooManyPicturesToday.
    """
    subject, text = thread.subject(subject), thread.words(text)
    asked = sorted({*order_ids})
    if len(asked) > ORDERS_MAX:
        raise TooManyOrders
    drawn = pictures.draw_all(uploads)
    with transaction.atomic():
        _hold_back(user_id, len(drawn), now)
        if (
            Ticket.objects.filter(user_id=user_id).exclude(state=State.CLOSED).count()
            >= UNCLOSED_MAX
        ):
            raise TooManyTickets
        orders = own_orders(user_id=user_id, order_ids=asked)
        ticket = Ticket.objects.create(
            user_id=user_id, subject=subject, opened_at=now, changed_at=now
        )
        ticket.orders.set(orders)
        thread.write(ticket, kind=Kind.CUSTOMER, author_id=user_id, text=text, drawn=drawn, now=now)
    return ticket


def own_orders(*, user_id: int, order_ids: Sequence[int]) -> list[Order]:
    """Return these orders of the user.  Raises UnknownOrders, which names the others."""
    asked = [order_id for order_id in order_ids if 0 < order_id <= thread.ID_MAX]
    found = Order.objects.filter(user_id=user_id).in_bulk(asked)
    unknown = [order_id for order_id in order_ids if order_id not in found]
    if unknown:
        raise UnknownOrders(order_ids=unknown)
    return list(found.values())


def answer(
    *, user_id: int, ticket_id: int, text: str, now: datetime, uploads: Sequence[bytes] = ()
) -> Message:
    """Add what the customer says; a closed ticket is open again.

    Raises NoSuchTicket, what thread.words and pictures.draw_all raise, TooManyMessages and
    TooManyPicturesToday.
    """
    find(user_id=user_id, ticket_id=ticket_id)
    text, drawn = thread.words(text), pictures.draw_all(uploads)
    with transaction.atomic():
        _hold_back(user_id, len(drawn), now)
        ticket = _locked(user_id, ticket_id)
        return thread.write(
            ticket, kind=Kind.CUSTOMER, author_id=user_id, text=text, drawn=drawn, now=now
        )


def close(*, user_id: int, ticket_id: int, now: datetime) -> None:
    """Close the customer's ticket.  Raises NoSuchTicket and AlreadyClosed."""
    with transaction.atomic():
        ticket = _locked(user_id, ticket_id)
        if ticket.state == State.CLOSED:
            raise AlreadyClosed
        thread.write(ticket, kind=Kind.CLOSED, author_id=user_id, now=now)


def find(*, user_id: int, ticket_id: int) -> Ticket:
    """Return the customer's ticket.  Raises NoSuchTicket."""
    ticket = Ticket.objects.filter(user_id=user_id, pk=ticket_id).first()
    if ticket is None:
        raise thread.NoSuchTicket
    return ticket


def read(*, user_id: int, ticket_id: int) -> tuple[Ticket, list[Message]]:
    """Return the ticket with what is said in it, oldest first, and note that it was seen.

    Raises NoSuchTicket.
    """
    ticket = find(user_id=user_id, ticket_id=ticket_id)
    if ticket.unread_by_user:
        thread.mark_read(ticket, by=thread.Side.USER)
    return ticket, thread.messages(ticket, with_notes=False)


def listed(*, user_id: int, state: State | None = None, after: str = "") -> listing.Page:
    """Return a page of the user's tickets, latest first.  `after`: the page before's `next`."""
    rows = Ticket.objects.filter(user_id=user_id)
    if state is not None:
        rows = rows.filter(state=state)
    return listing.page(rows, after=after)


def unread(*, user_id: int) -> int:
    """Return how many of the user's tickets have an answer that nobody has looked at."""
    return Ticket.objects.filter(user_id=user_id, unread_by_user__gt=0).count()


def _locked(user_id: int, ticket_id: int) -> Ticket:
    rows = Ticket.objects.select_for_update(no_key=True)
    ticket = rows.filter(user_id=user_id, pk=ticket_id).first()
    if ticket is None:
        raise thread.NoSuchTicket
    return ticket


def _hold_back(user_id: int, new_pictures: int, now: datetime) -> None:
    """Refuse what is more than anybody writes; the user's acts stand in line meanwhile."""
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    said = Message.objects.filter(author_id=user_id, kind=Kind.CUSTOMER)
    if said.filter(at__gt=now - timedelta(hours=1)).count() >= MESSAGES_AN_HOUR_MAX:
        raise TooManyMessages
    if new_pictures == 0:
        return
    lately = said.filter(at__gt=now - timedelta(days=1), pictures__isnull=False).count()
    if lately + new_pictures > PICTURES_A_DAY_MAX:
        raise TooManyPicturesToday
