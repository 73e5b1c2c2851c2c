"""One act of staff on many orders: each in a transaction of its own, so that one refusal does not
hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from relaypanel import errors
from relaypanel.accounts.audit_log import Actor
from relaypanel.orders import staff, unconfirmed
from relaypanel.orders.models import Order, Status

ORDERS_MAX: Final = 500


class Act(Enum):
    COMPLETE = "complete"
    PARTIAL = "partial"  # with what remains of each
    CANCEL = "cancel"  # and give everything back
    RESEND = "resend"  # one that is held: nobody upstream can have heard of it
    START = "start"  # a person takes it on


class TooManyOrders(errors.Refused):
    code = "too_many_orders"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of each order: the IDs that it was done to, and why not to the others."""

    done: Sequence[int]
    refused: Mapping[int, errors.Refused]


def run(
    *, act: Act, order_ids: Sequence[int], by: Actor, now: datetime, remains: int | None = None
) -> Outcome:
    """Do it to each order, once, and return what became of it.  Raises TooManyOrders."""
    wanted = list(dict.fromkeys(order_ids))
    if len(wanted) > ORDERS_MAX:
        raise TooManyOrders(f"at most {ORDERS_MAX} orders at once")
    refused: dict[int, errors.Refused] = {}
    for order_id in wanted:
        try:
            _ACTS[act](order_id, by, now, remains)
        except errors.Refused as refusal:
            refused[order_id] = refusal
    return Outcome(done=[one for one in wanted if one not in refused], refused=refused)


def _set(to: Status) -> Callable[[int, Actor, datetime, int | None], Order]:
    def act(order_id: int, by: Actor, now: datetime, _remains: int | None) -> Order:
        return staff.set_status(order_id=order_id, to=to, by=by, now=now)

    return act


def _partial(order_id: int, by: Actor, now: datetime, remains: int | None) -> Order:
    if remains is None:
        raise staff.MoveNotAllowed("say what remains")
    return staff.set_status(order_id=order_id, to=Status.PARTIAL, remains=remains, by=by, now=now)


def _cancel(order_id: int, by: Actor, now: datetime, _remains: int | None) -> Order:
    if Order.objects.filter(pk=order_id, status=Status.UNCONFIRMED).exists():
        return unconfirmed.refund_order(order_id=order_id, by=by, now=now)
    return staff.set_status(order_id=order_id, to=Status.CANCELED, by=by, now=now)


def _resend(order_id: int, by: Actor, now: datetime, _remains: int | None) -> Order:
    return staff.release(order_id=order_id, by=by, now=now)


_ACTS: Final[Mapping[Act, Callable[[int, Actor, datetime, int | None], Order]]] = {
    Act.COMPLETE: _set(Status.COMPLETED),
    Act.PARTIAL: _partial,
    Act.CANCEL: _cancel,
    Act.RESEND: _resend,
    Act.START: _set(Status.IN_PROGRESS),
}
