"""The routes of tickets."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from relaypanel.accounts import people, users
from relaypanel.accounts.models import Role, User
from relaypanel.adminapi import wire
from relaypanel.adminapi.call import Call
from relaypanel.adminapi.fields import BadField
from relaypanel.tickets import staff
from relaypanel.tickets.models import State

FILTERS: Final = frozenset(("status", "user", "limit", "cursor", "offset"))


def listed(call: Call) -> dict[str, Any]:
    """Return a page of 25 tickets, whatever limit was asked for."""
    fields = call.fields
    fields.only(FILTERS)
    page = staff.queue(
        state=_state(call) if fields.has("status") else None,
        user_id=_named(fields.text("user")).pk if fields.has("user") else None,
        after=fields.text_or("cursor", ""),
    )
    rows = [wire.ticket(ticket) for ticket in page.tickets]
    return wire.listed(rows, path="/tickets", query=call.query, next_id=page.next)


def one(call: Call) -> dict[str, Any]:
    ticket, said = staff.read(call.subject)
    return wire.done(wire.ticket(ticket) | {"messages": [wire.message(row) for row in said]})


def reply(call: Call) -> dict[str, Any]:
    with transaction.atomic():
        message = staff.answer(
            ticket_id=call.subject,
            author_id=call.key.user_id,
            text=call.fields.text("message"),
            now=call.now,
        )
        call.record("ticket.reply", ("ticket", call.subject), {"message": message.pk})
    return one(call)


def add(call: Call) -> dict[str, Any]:
    """Write to a customer first."""
    fields = call.fields
    if fields.has("user_id"):
        user = people.customer(fields.number("user_id"))
    else:
        user = _named(fields.text("username" if fields.has("username") else "user"))
    if user is None:
        raise users.NoSuchUser(username="")
    with transaction.atomic():
        ticket = staff.open_for(
            user_id=user.pk,
            author_id=call.key.user_id,
            subject=fields.text("subject"),
            text=fields.text("message"),
            now=call.now,
        )
        call.record("ticket.add", ("ticket", ticket.pk), {"user": user.pk})
    return wire.done(wire.ticket(staff.find(ticket.pk)))


def _state(call: Call) -> State:
    try:
        return State(call.fields.text("status").lower())
    except ValueError:
        raise BadField("status") from None


def _named(username: str) -> User:
    found = users.named(username)
    if found.role != Role.CUSTOMER:
        raise users.NoSuchUser(username=username)
    return found
