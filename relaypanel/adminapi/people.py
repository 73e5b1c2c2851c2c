"""The routes of users and of the money they paid in."""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.db import transaction

from relaypanel.accounts import people, users
from relaypanel.accounts.models import Role, User
from relaypanel.adminapi import wire
from relaypanel.adminapi.call import Call
from relaypanel.adminapi.orders import page_limit, page_offset
from relaypanel.ledger import book, members
from relaypanel.payments import deposits

USER_FILTERS: Final = frozenset(("username", "email", "limit", "offset", "cursor"))
PAYMENT_FILTERS: Final = frozenset(("user", "username", "limit", "offset", "cursor"))


def listed(call: Call) -> dict[str, Any]:
    fields = call.fields
    fields.only(USER_FILTERS)
    limit = page_limit(call)
    found = people.customers(
        username=fields.text("username") if fields.has("username") else None,
        email=fields.text("email") if fields.has("email") else None,
        before_id=fields.number_or_none("cursor"),
        offset=page_offset(call),
        limit=limit + 1,
    )
    shown = found[:limit]
    balances = book.balances([row.pk for row in shown]) if call.shows_money else {}
    rows = [wire.user(row, balance_e8=balances.get(row.pk)) for row in shown]
    next_id = shown[-1].pk if len(found) > limit else None
    return wire.listed(rows, path="/users", query=call.query, next_id=next_id)


def add(call: Call) -> dict[str, Any]:
    fields = call.fields
    with transaction.atomic():
        member = members.enrol(
            username=fields.text("username"),
            email=fields.text("email"),
            password=fields.text("password"),
            role=Role.CUSTOMER,
            now=call.now,
        )
        row = member.user
        call.record("user.add", ("user", row.pk), {"username": row.username, "email": row.email})
    return wire.done(wire.user(row, balance_e8=0 if call.shows_money else None))


def payments(call: Call) -> dict[str, Any]:
    call.fields.only(PAYMENT_FILTERS)
    limit = page_limit(call)
    user_id = None
    if call.fields.has("user") or call.fields.has("username"):
        user_id = _user(call).pk
    found = deposits.listed(
        user_id=user_id,
        before_id=call.fields.number_or_none("cursor"),
        offset=page_offset(call),
        limit=limit + 1,
    )
    shown = found[:limit]
    next_id = shown[-1].pk if len(found) > limit else None
    rows = [wire.payment(row) for row in shown]
    return wire.listed(rows, path="/payments", query=call.query, next_id=next_id)


def add_payment(call: Call) -> dict[str, Any]:
    """Add money.  Under one Idempotency-Key, or one `reference`, it is added once."""
    fields = call.fields
    user = _user(call)
    given = call.idempotency_key or fields.text_or("reference", "")
    words = (fields.text_or("method", ""), fields.text_or("memo", ""))
    with transaction.atomic():
        row = deposits.add(
            user_id=user.pk,
            amount_e8=fields.amount_e8("amount"),
            reference=f"admin:{call.key.pk}:{given or secrets.token_hex(12)}",
            reason=": ".join(filter(None, words)),
            by=call.by,
            now=call.now,
        )
        call.record("payment.add", ("payment", row.pk), {"user": user.pk})
    balance = wire.user(user, balance_e8=book.balance(user.pk))
    return wire.done(wire.payment(row) | {"user": balance})


def _user(call: Call) -> User:
    """Return the customer who is named by username or by ID, as clients of either kind do."""
    fields = call.fields
    if fields.has("user_id"):
        found = people.customer(fields.number("user_id"))
    else:
        name = "user" if fields.has("user") else "username"
        found = users.named(fields.text(name))
    if found is None or found.role != Role.CUSTOMER:
        raise users.NoSuchUser(username="")
    return found
