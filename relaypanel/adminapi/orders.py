"""The routes of orders: lists, a supplier's work, and the hand of staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction

from relaypanel.adminapi import wire
from relaypanel.adminapi.call import Call
from relaypanel.adminapi.fields import BadField
from relaypanel.orders import requests, roll, staff, states, supply
from relaypanel.orders.models import Order, RefillState, Status
from relaypanel.orders.roll import Wanted

LIMIT: Final = 100
OFFSET_MAX: Final = 100_000

FILTERS: Final = frozenset(
    [
        "ids",
        "order_status",
        "service_ids",
        "user",
        "provider",
        "link",
        "mode",
        "created_from",
        "created_to",
        "sort",
        "limit",
        "offset",
        "cursor",
    ]
)
_BY_WORD: Final = {word.value.lower().replace(" ", "_"): word for word in states.FROM_WORD}
_MODES: Final = {"auto": False, "manual": True}
_SORTS: Final = {"date-desc": False, "date-asc": True}


def listed(call: Call) -> dict[str, Any]:
    call.fields.only(FILTERS)
    limit = page_limit(call)
    found = roll.page(_wanted(call), limit=limit + 1)
    shown = found[:limit]
    rows = [wire.order(order, with_money=call.shows_money) for order in shown]
    next_id = shown[-1].pk if len(found) > limit else None
    return wire.listed(rows, path="/orders", query=call.query, next_id=next_id)


def one(call: Call) -> dict[str, Any]:
    return wire.done(_shown(call, call.subject))


def pull(call: Call) -> dict[str, Any]:
    services = call.services
    if call.fields.has("service_ids"):
        asked = frozenset(call.fields.numbers("service_ids"))
        services = asked if services is None else asked & services
    with transaction.atomic():
        pulled = supply.pull(services=services, limit=page_limit(call), now=call.now)
        for order in pulled:
            call.record("order.pull", ("order", order.pk), {})
    return _rows(call, [order.pk for order in pulled])


def update(call: Call) -> dict[str, Any]:
    """A supplier tells how an order goes."""
    fields = call.fields
    order_id = _order_id(call)
    to = _to(call) if fields.has("status") else None
    counts = {name: fields.number_or_none(name) for name in ("start_count", "remains")}
    with transaction.atomic():
        supply.report(
            order_id=order_id, services=call.services, by=call.by, now=call.now, to=to, **counts
        )
        call.record("order.report", ("order", order_id), {"status": to} | counts)
    return wire.done(_shown(call, order_id))


def change_status(call: Call) -> dict[str, Any]:
    to = _to(call)
    return _each(call, lambda order_id: _set(call, order_id, to, None))


def set_partial(call: Call) -> dict[str, Any]:
    remains = call.fields.number("remains")
    return _each(call, lambda order_id: _set(call, order_id, Status.PARTIAL, remains))


def cancel(call: Call) -> dict[str, Any]:
    """Cancel orders and give back what they cost."""
    return _each(call, lambda order_id: _set(call, order_id, Status.CANCELED, None))


def edit_link(call: Call) -> dict[str, Any]:
    link = call.fields.text("link")

    def act(order_id: int) -> None:
        staff.change_link(order_id=order_id, link=link, by=call.by, now=call.now)

    return _each(call, act)


def resend(call: Call) -> dict[str, Any]:
    """Let held orders be sent after all, which is safe: nobody upstream has them."""

    def act(order_id: int) -> None:
        staff.release(order_id=order_id, by=call.by, now=call.now)

    return _each(call, act)


def request_cancel(call: Call) -> dict[str, Any]:
    """Ask for a cancel as the customer would."""

    def act(order_id: int) -> None:
        order = roll.find(order_id)
        if order is None:
            raise staff.NoSuchOrder
        told = requests.ask_cancel(user_id=order.user_id, order_ids=[order_id], now=call.now)
        refused = told[order_id]
        if refused is not None:
            raise refused
        call.record("order.request_cancel", ("order", order_id), {})

    return _each(call, act)


def pull_cancels(call: Call) -> dict[str, Any]:
    with transaction.atomic():
        pulled = supply.pull_cancels(services=call.services, limit=page_limit(call))
        for order in pulled:
            call.record("cancel.pull", ("order", order.pk), {})
    return _rows(call, [order.pk for order in pulled])


def reject_cancel(call: Call) -> dict[str, Any]:
    order_id = _order_id(call)
    with transaction.atomic():
        supply.reject_cancel(order_id=order_id, services=call.services, now=call.now)
        call.record("cancel.reject", ("order", order_id), {})
    return wire.done(_shown(call, order_id))


def pull_refills(call: Call) -> dict[str, Any]:
    with transaction.atomic():
        pulled = supply.pull_refills(services=call.services, limit=page_limit(call))
        for refill in pulled:
            call.record("refill.pull", ("refill", refill.pk), {})
    rows = [wire.refill(refill) for refill in pulled]
    return wire.done({"count": len(rows), "list": rows})


def settle_refill(call: Call) -> dict[str, Any]:
    names = ("refill_id", "id")
    (refill_id,) = call.fields.numbers(*names)[:1]
    try:
        to = RefillState(call.fields.text("status"))
    except ValueError:
        raise BadField("status") from None
    with transaction.atomic():
        refill = supply.settle_refill(
            refill_id=refill_id, to=to, services=call.services, now=call.now
        )
        call.record("refill.change_status", ("refill", refill_id), {"status": to})
    return wire.done(wire.refill(refill))


def page_limit(call: Call) -> int:
    """Return how many rows were asked for: 100 unless said, never more than a page holds."""
    asked = call.fields.number_or_none("limit")
    return min(asked or LIMIT, roll.ROWS_MAX)


def page_offset(call: Call) -> int:
    return min(call.fields.number_or_none("offset") or 0, OFFSET_MAX)


def _wanted(call: Call) -> Wanted:
    fields = call.fields
    services = call.services
    if fields.has("service_ids"):
        asked = frozenset(fields.numbers("service_ids"))
        services = asked if services is None else asked & services
    return Wanted(
        ids=fields.numbers("ids") if fields.has("ids") else None,
        statuses=_statuses(call) if fields.has("order_status") else None,
        service_ids=services,
        username=fields.text("user") if fields.has("user") and call.shows_money else None,
        provider=fields.text("provider") if fields.has("provider") and call.shows_money else None,
        link=fields.text("link") if fields.has("link") else None,
        by_hand=_choice(call, "mode", _MODES) if fields.has("mode") else None,
        since=fields.moment_or_none("created_from"),
        until=fields.moment_or_none("created_to"),
        oldest_first=_choice(call, "sort", _SORTS) if fields.has("sort") else False,
        after_id=fields.number_or_none("cursor"),
        offset=page_offset(call),
    )


def _choice(call: Call, name: str, choices: dict[str, bool]) -> bool:
    asked = call.fields.text(name)
    if asked not in choices:
        raise BadField(name)
    return choices[asked]


def _statuses(call: Call) -> list[Status]:
    """Return the states that are told as these words: several of ours are `pending`."""
    asked = call.fields.text("order_status").lower().split(",")
    words = {_BY_WORD.get(word.strip().replace(" ", "_")) for word in asked}
    if None in words:
        raise BadField("order_status")
    return [status for status, word in states.WORDS.items() if word in words]


def _to(call: Call) -> Status:
    asked = call.fields.text("status").strip().lower().replace(" ", "_")
    if asked not in _BY_WORD:
        raise BadField("status")
    return states.FROM_WORD[_BY_WORD[asked]]


def _set(call: Call, order_id: int, to: Status, remains: int | None) -> None:
    staff.set_status(order_id=order_id, to=to, remains=remains, by=call.by, now=call.now)


def _each(call: Call, act: Callable[[int], None]) -> dict[str, Any]:
    """Act on each order that was named: on all of them, or on none."""
    if call.subject:
        order_ids = [call.subject]
    else:
        order_ids = call.fields.numbers("order_id", "ids", "id", "order_ids", "orders", "order")
    with transaction.atomic():
        # In the order of their IDs, as everybody who takes several.
        for order_id in sorted(order_ids):
            if roll.find(order_id, service_ids=call.services) is None:
                raise staff.NoSuchOrder
            act(order_id)
    if len(order_ids) == 1:
        return wire.done(_shown(call, order_ids[0]))
    return _rows(call, order_ids)


def _order_id(call: Call) -> int:
    order_ids = call.fields.numbers("order_id", "id", "order")
    if len(order_ids) != 1:
        raise BadField("order_id")
    return order_ids[0]


def _shown(call: Call, order_id: int) -> dict[str, Any]:
    order = roll.find(order_id, service_ids=call.services)
    if order is None:
        raise staff.NoSuchOrder
    return wire.order(order, with_money=call.shows_money)


def _rows(call: Call, order_ids: list[int]) -> dict[str, Any]:
    orders: list[Order] = []
    if order_ids:
        wanted = Wanted(ids=order_ids, oldest_first=True)
        orders = list(roll.page(wanted, limit=len(order_ids)))
    rows = [wire.order(order, with_money=call.shows_money) for order in orders]
    return wire.done({"count": len(rows), "list": rows})
