"""Every route of the admin API: one line says how it is called, what it needs and does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from relaypanel.accounts.models import Scope
from relaypanel.adminapi import orders, people, tickets
from relaypanel.adminapi.call import Call


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """`path` holds `{id}` where the ID of its subject stands."""

    method: str
    path: str
    scope: Scope
    handle: Callable[[Call], dict[str, Any]]
    words: str


def _route(
    method: str, path: str, scope: Scope, handle: Callable[[Call], dict[str, Any]], words: str
) -> Route:
    return Route(method=method, path=path, scope=scope, handle=handle, words=words)


_READ, _WORK, _WRITE = Scope.ORDERS_READ, Scope.ORDERS_WORK, Scope.ORDERS_WRITE

ROUTES: Final = (
    _route("GET", "/orders", _READ, orders.listed, "Orders, latest first."),
    _route("GET", "/orders/{id}", _READ, orders.one, "One order."),
    _route("POST", "/orders/pull", _WORK, orders.pull, "Takes orders that wait for a supplier."),
    _route("POST", "/orders/update", _WORK, orders.update, "Reports how such an order goes."),
    _route("POST", "/orders/change-status", _WRITE, orders.change_status, "Moves orders."),
    _route("POST", "/orders/{id}/set-partial", _WRITE, orders.set_partial, "Ends one in part."),
    _route("POST", "/orders/{id}/edit-link", _WRITE, orders.edit_link, "Changes its link."),
    _route("POST", "/orders/resend", _WRITE, orders.resend, "Sends held orders after all."),
    _route("POST", "/orders/request-cancel", _WRITE, orders.request_cancel, "Asks for a cancel."),
    _route("POST", "/orders/cancel", _WRITE, orders.cancel, "Cancels orders and refunds them."),
    _route("POST", "/cancel/pull", _WORK, orders.pull_cancels, "Takes cancel requests."),
    _route("POST", "/cancel/reject", _WORK, orders.reject_cancel, "Refuses one."),
    _route("POST", "/refill/pull", _WORK, orders.pull_refills, "Takes refill requests."),
    _route("POST", "/refill/change-status", _WORK, orders.settle_refill, "Says how one goes."),
    _route("GET", "/payments", Scope.PAYMENTS_READ, people.payments, "Deposits, latest first."),
    _route("POST", "/payments/add", Scope.PAYMENTS_WRITE, people.add_payment, "Adds money."),
    _route("GET", "/users", Scope.USERS_READ, people.listed, "Customers, latest first."),
    _route("POST", "/users/add", Scope.USERS_WRITE, people.add, "Makes a customer."),
    _route("GET", "/tickets", Scope.TICKETS_READ, tickets.listed, "Tickets, latest change first."),
    _route("GET", "/tickets/{id}", Scope.TICKETS_READ, tickets.one, "One, with its messages."),
    _route("POST", "/tickets/{id}/reply", Scope.TICKETS_WRITE, tickets.reply, "Answers one."),
    _route("POST", "/tickets/add", Scope.TICKETS_WRITE, tickets.add, "Writes to a customer."),
)

_PATTERNS: Final = [
    (route, re.compile(route.path.replace("{id}", "(?P<id>[1-9][0-9]{0,17})"), re.ASCII))
    for route in ROUTES
]


def find(method: str, path: str) -> tuple[Route, int] | None:
    """Return the route and the ID in the path, or 0; None: there is no such route."""
    for route, pattern in _PATTERNS:
        match = pattern.fullmatch(path)
        if match and route.method == method:
            return route, int(match.groupdict().get("id", 0))
    return None
