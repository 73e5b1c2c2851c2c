"""The actions of API v2: each reads its IDs, makes one call into the domain, and replies.

A new action is one handler and one line in `HANDLERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django.conf import settings

from relaypanel import money
from relaypanel.accounts import keys
from relaypanel.api_v2 import ids, wire
from relaypanel.catalogue import editions, listing
from relaypanel.catalogue.editions import Listed
from relaypanel.contract import (
    FIELDS,
    Action,
    AddReply,
    BalanceReply,
    CancelRow,
    RefillRow,
    RefillStatusRow,
    StatusReply,
    SubscriptionReply,
)
from relaypanel.errors import Refused
from relaypanel.ledger import book
from relaypanel.orders import lookup, place, requests, till
from relaypanel.orders.types import IncorrectField

_CLIENT_REF: Final = re.compile(r"[ -~]{1,100}")


class IncorrectAction(Refused):
    code = "incorrect_action"


class RefillNotFound(Refused):
    """There is no such refill, or it is of somebody else's order: the answer is the same."""

    code = "refill_not_found"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks.  `idempotency_key` is the header's text, None without it.

    They are known to be this user, or claim it.
    """

    user_id: int
    fields: Mapping[str, str]
    idempotency_key: str | None
    now: datetime
    # What `look_up` asked for, of this user.
    columns: tuple[Any, ...] = ()
    claim: keys.Claim | None = None

    def __repr__(self) -> str:
        # The fields hold the key, so they stay out of every text about the call.
        return f"Call(user_id={self.user_id}, now={self.now})"


def look_up(fields: Mapping[str, str]) -> tuple[keys.Finder, tuple[int, ...]]:
    """Return what finds the caller, and in one look what the call asks for, with its values."""
    action = fields.get("action", "")
    if action == Action.STATUS and "orders" not in fields:
        order_id = ids.one(fields.get("order", ""))
        return (keys.CALLER, ()) if order_id is None else (lookup.ORDER_OF_CALLER, (order_id,))
    return _FINDERS.get(action, keys.CALLER), ()


def answer(call: Call) -> bytes | Listed:
    """Return the reply as JSON.  Raises the refusal that the caller gets."""
    handler = HANDLERS.get(call.fields.get("action", ""))
    if handler is None:
        raise IncorrectAction
    return handler(call)


def order(call: Call) -> place.OrderRequest:
    """Return what an `add` asks for.  Raises IncorrectService and IncorrectField."""
    service_id = ids.one(call.fields.get("service", ""))
    if service_id is None:
        raise place.IncorrectService
    return place.OrderRequest(
        user_id=call.user_id,
        service_id=service_id,
        fields={name: text for name, text in call.fields.items() if name in FIELDS},
        client_ref=_new_ref(call),
        claim=call.claim,
    )


def placed(request: place.OrderRequest, *, now: datetime) -> bytes:
    """Place an order and return the reply.  Raises the refusal, keys.BadKey of a claim."""
    return wire.encode(AddReply(order=till.pay(request, now=now)))


def _services(call: Call) -> Listed:
    (number,) = call.columns
    return listing.encoded(call.user_id, number=number)


def _add(call: Call) -> bytes:
    return placed(order(call), now=call.now)


def _new_ref(call: Call) -> str | None:
    """Return the caller's own name for a new order, from the parameter or the header."""
    given = {call.fields.get("client_ref"), call.idempotency_key} - {None}
    if not given:
        return None
    ref = given.pop() or ""
    if given or not _CLIENT_REF.fullmatch(ref):
        raise IncorrectField("client_ref")
    return ref


def _status(call: Call) -> bytes:
    if call.columns:
        return wire.encode(_found(lookup.one(call.columns)))
    if asked := ids.many(call.fields.get("orders", "")):
        found = lookup.statuses(user_id=call.user_id, order_ids=_numbers(asked))
        unknown = wire.error(requests.OrderNotFound())
        # An absent ID and a text that is none are the same to the caller.
        return wire.encode({text: found.get(id_ or 0, unknown) for text, id_ in asked.items()})
    if call.fields.get("order"):
        order_id = _id(call, "order", requests.OrderNotFound)
    else:
        order_id = _referred(call)
    found = lookup.statuses(user_id=call.user_id, order_ids=[order_id])
    return wire.encode(_found(found.get(order_id)))


def _found(reply: StatusReply | SubscriptionReply | None) -> StatusReply | SubscriptionReply:
    if reply is None:
        raise requests.OrderNotFound
    return reply


def _cancel(call: Call) -> bytes:
    asked = ids.many(call.fields.get("orders", ""))
    if not asked:
        order_id = _referred(call)
        asked = {str(order_id): order_id}
    outcomes = requests.ask_cancel(user_id=call.user_id, order_ids=_numbers(asked), now=call.now)
    return wire.encode([_cancel_row(text, id_, outcomes) for text, id_ in asked.items()])


def _cancel_row(text: str, id_: int | None, outcomes: Mapping[int, Refused | None]) -> CancelRow:
    refused = requests.OrderNotFound() if id_ is None else outcomes[id_]
    return CancelRow(order=_shown(text, id_), cancel=wire.error(refused) if refused else 1)


def _balance(call: Call) -> bytes:
    (balance_e8,) = call.columns
    return wire.encode(BalanceReply(balance=money.text(balance_e8), currency=settings.CURRENCY))


def _refill(call: Call) -> bytes:
    if asked := ids.many(call.fields.get("orders", "")):
        outcomes = requests.ask_refill(
            user_id=call.user_id, order_ids=_numbers(asked), now=call.now
        )
        return wire.encode([_refill_row(text, id_, outcomes) for text, id_ in asked.items()])
    order_id = _id(call, "order", requests.OrderNotFound)
    outcome = requests.ask_refill(user_id=call.user_id, order_ids=[order_id], now=call.now)[
        order_id
    ]
    if isinstance(outcome, Refused):
        raise outcome
    # One refill is a text and several are numbers: so says the specification.
    return wire.encode({"refill": str(outcome)})


def _refill_row(text: str, id_: int | None, outcomes: Mapping[int, Refused | int]) -> RefillRow:
    outcome = requests.OrderNotFound() if id_ is None else outcomes[id_]
    shown = wire.error(outcome) if isinstance(outcome, Refused) else outcome
    return RefillRow(order=_shown(text, id_), refill=shown)


def _refill_status(call: Call) -> bytes:
    if asked := ids.many(call.fields.get("refills", "")):
        words = requests.refill_words(user_id=call.user_id, refill_ids=_numbers(asked))
        unknown = wire.error(RefillNotFound())
        return wire.encode(
            [
                RefillStatusRow(refill=_shown(text, id_), status=words.get(id_ or 0, unknown))
                for text, id_ in asked.items()
            ]
        )
    refill_id = _id(call, "refill", RefillNotFound)
    words = requests.refill_words(user_id=call.user_id, refill_ids=[refill_id])
    if refill_id not in words:
        raise RefillNotFound
    return wire.encode({"status": words[refill_id]})


_FINDERS: Final[Mapping[str, keys.Finder]] = {
    Action.BALANCE: book.BALANCE_OF_CALLER,
    Action.SERVICES: editions.NUMBER_OF_CALLER,
}

HANDLERS: Final[Mapping[str, Callable[[Call], bytes | Listed]]] = {
    Action.SERVICES: _services,
    Action.ADD: _add,
    Action.STATUS: _status,
    Action.CANCEL: _cancel,
    Action.BALANCE: _balance,
    Action.REFILL: _refill,
    Action.REFILL_STATUS: _refill_status,
}


def _id(call: Call, name: str, refusal: type[Refused]) -> int:
    id_ = ids.one(call.fields.get(name, ""))
    if id_ is None:
        raise refusal
    return id_


def _referred(call: Call) -> int:
    """Return the ID of the order that `client_ref` names.  Raises OrderNotFound."""
    ref = call.fields.get("client_ref", "")
    if not _CLIENT_REF.fullmatch(ref):
        raise requests.OrderNotFound
    found = lookup.ids_by_ref(user_id=call.user_id, client_refs=[ref])
    if ref not in found:
        raise requests.OrderNotFound
    return found[ref]


def _numbers(asked: Mapping[str, int | None]) -> list[int]:
    return [id_ for id_ in asked.values() if id_ is not None]


def _shown(text: str, id_: int | None) -> int | str:
    return text if id_ is None else id_
