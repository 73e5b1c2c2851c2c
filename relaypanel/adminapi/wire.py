"""What the admin API says: envelopes, objects, and refusals in its codes and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings

from relaypanel import money
from relaypanel.accounts import users
from relaypanel.accounts.models import User
from relaypanel.accounts.throttle import TooManyCalls
from relaypanel.adminapi.fields import BadField, UnknownField, UnreadableBody
from relaypanel.errors import Refused
from relaypanel.ledger import book
from relaypanel.ledger.models import Transfer
from relaypanel.orders import requests, staff, states, supply, types
from relaypanel.orders.models import ACTIVE, FINAL, Order, Refill, Status
from relaypanel.payments import deposits
from relaypanel.tickets import thread
from relaypanel.tickets.models import Kind, Message, Ticket

BASE: Final = "/adminapi/v2"

NOT_FOUND: Final = 100
BAD_KEY: Final = 101
NOT_ALLOWED: Final = 102
BAD_FIELD: Final = 103
REFUSED: Final = 104
TOO_MANY: Final = 105
FAULT: Final = 500

# The codes and words of each refusal; `code` 100 with its words is the market's own.
WORDS: Final[dict[type[Refused], tuple[int, str]]] = {
    staff.NoSuchOrder: (NOT_FOUND, "Page not found."),
    requests.OrderNotFound: (NOT_FOUND, "Page not found."),
    supply.NoSuchRefill: (NOT_FOUND, "Page not found."),
    thread.NoSuchTicket: (NOT_FOUND, "Page not found."),
    UnreadableBody: (BAD_FIELD, "The body is neither a JSON object nor a form."),
    TooManyCalls: (TOO_MANY, "Too many requests."),
    users.NoSuchUser: (BAD_FIELD, "There is no such user."),
    users.BadUsername: (BAD_FIELD, "username: 3 to 60 letters, digits or any of _ . @ + -"),
    users.UsernameTaken: (REFUSED, "This username is taken."),
    users.BadEmail: (BAD_FIELD, "This is no e-mail address."),
    users.EmailTaken: (REFUSED, "This e-mail address is taken."),
    users.WeakPassword: (BAD_FIELD, "The password is too weak."),
    types.BadLink: (BAD_FIELD, "Bad link."),
    staff.MoveNotAllowed: (REFUSED, "The order cannot be changed so as it stands now."),
    supply.NotByHand: (REFUSED, "A provider has this order."),
    supply.NoCancelAsked: (REFUSED, "Nobody asked to cancel this order."),
    supply.RefillEnded: (REFUSED, "This refill has ended."),
    supply.BadReport: (BAD_FIELD, "start_count or remains cannot be of this order."),
    requests.CancelDisabled: (REFUSED, "This service takes no cancel requests."),
    requests.CancelTooLate: (REFUSED, "The order has ended."),
    deposits.BadAmount: (BAD_FIELD, "amount is above nothing."),
    deposits.BadReference: (BAD_FIELD, "The reference has 1 to 80 printable characters."),
    deposits.ReferenceUsed: (REFUSED, "Another payment has this reference."),
    book.BalanceTooLarge: (REFUSED, "The balance would be too large."),
    thread.SubjectNeeded: (BAD_FIELD, "subject is needed."),
    thread.SubjectTooLong: (BAD_FIELD, "subject is too long."),
    thread.TextNeeded: (BAD_FIELD, "message is needed."),
    thread.TextTooLong: (BAD_FIELD, "message is too long."),
}


def said(refused: Refused) -> dict[str, Any]:
    """Return the envelope of a refusal."""
    if isinstance(refused, BadField):
        return error(BAD_FIELD, f"Bad or missing field: {_echo(refused.name)}.")
    if isinstance(refused, UnknownField):
        return error(BAD_FIELD, f"Unknown field: {_echo(refused.name)}.")
    code, words = WORDS[type(refused)]
    return error(code, words)


def error(code: int, words: str) -> dict[str, Any]:
    return {"data": [], "error_message": words, "error_code": code}


def done(data: Any) -> dict[str, Any]:
    return {"data": data, "error_message": "", "error_code": 0}


def listed(
    rows: Sequence[Any], *, path: str, query: Mapping[str, str], next_id: int | str | None
) -> dict[str, Any]:
    """Return the envelope of a page; `next_id` is where the one after it begins, if there is one.

    The way on holds an ID, so the last page is as quick as the first.
    """
    asked = {name: value for name, value in query.items() if name not in ("offset", "cursor")}
    href = f"{BASE}{path}?{urlencode(asked | {'cursor': next_id})}" if next_id else ""
    return done({"count": len(rows), "list": rows}) | {"pagination": {"next_page_href": href}}


def order(row: Order, *, with_money: bool) -> dict[str, Any]:
    """Return an order; what it costs and who pays is told where money is."""
    status = Status(row.status)
    return {
        "id": row.pk,
        "external_id": row.upstream_id,
        "user": row.user.username if with_money else None,
        "creation_type": "api",
        "charge": amount(row.charge_e8 - row.refunded_e8) if with_money else None,
        "link": row.link,
        "start_count": row.start_count,
        "quantity": row.quantity,
        "service_id": row.service_id,
        "service_type": row.type.lower(),
        "service_name": row.service.name,
        "fields": row.fields,
        "status": _status(status),
        "remains": row.remains,
        "created": _moment(row.placed_at),
        "created_timestamp": int(row.placed_at.timestamp()),
        "mode": "auto" if row.provider_id else "manual",
        "provider": row.provider.name if row.provider and with_money else None,
        "provider_charge": _cost(row) if with_money else None,
        "actions": _actions(row, status),
    }


def refill(row: Refill) -> dict[str, Any]:
    return {
        "id": row.pk,
        "order_id": row.order_id,
        "link": row.order.link,
        "status": row.state,
        "created": _moment(row.asked_at),
    }


def payment(row: Transfer) -> dict[str, Any]:
    assert row.credit.user is not None
    return {
        "payment_id": row.pk,
        "user": row.credit.user.username,
        "amount": amount(row.amount_e8),
        "memo": row.reason,
        "status": "completed",
        "created": _moment(row.created_at),
    }


def user(row: User, *, balance_e8: int | None) -> dict[str, Any]:
    return {
        "id": row.pk,
        "username": row.username,
        "email": row.email,
        "balance": None if balance_e8 is None else amount(balance_e8),
        "status": "active" if row.is_active else "suspended",
        "created": _moment(row.joined_at),
    }


def ticket(row: Ticket) -> dict[str, Any]:
    return {
        "id": row.pk,
        "subject": row.subject,
        "user": row.user.username,
        "status": row.state,
        "is_unread": row.unread_by_staff > 0,
        "assignee": row.assignee.username if row.assignee else None,
        "created": _moment(row.opened_at),
        "last_update": _moment(row.changed_at),
    }


def message(row: Message) -> dict[str, Any]:
    return {
        "id": row.pk,
        "message": row.text,
        "sender": row.author.username,
        "is_staff": row.kind != Kind.CUSTOMER,
        "kind": row.kind,
        "created": _moment(row.at),
    }


def amount(amount_e8: int) -> dict[str, str]:
    return {"value": money.text(amount_e8), "currency_code": settings.CURRENCY}


def _cost(row: Order) -> dict[str, str] | None:
    if row.cost_e8 is None or row.provider is None:
        return None
    return {"value": money.text(row.cost_e8), "currency_code": row.provider.currency}


def _status(status: Status) -> str:
    return states.WORDS[status].value.lower().replace(" ", "_")


def _actions(row: Order, status: Status) -> dict[str, bool]:
    """Return what may be tried now; the call itself decides."""
    is_open = status not in FINAL
    is_ours = row.provider_id is None
    is_unsent = status in (Status.QUEUED, Status.HELD) and not row.may_be_upstream
    return {
        "refill": status == Status.COMPLETED and row.service.refill_days is not None,
        "resend": status == Status.HELD,
        "edit_link": is_unsent,
        "set_partial": is_open and (is_ours or status in ACTIVE),
        "change_status": is_open and status != Status.SENDING,
        "request_cancel": is_open and row.service.cancel,
        "cancel_and_refund": is_open and status != Status.SENDING,
    }


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _echo(name: str) -> str:
    return name[:40].encode("utf-8", "replace").decode()
