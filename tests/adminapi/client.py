"""A client of the admin API, and the keys that it calls with."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from relaypanel import clock
from relaypanel.accounts import admin_keys
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry, Role, Scope, User
from relaypanel.ledger import members
from relaypanel.ledger.models import Account, Transfer
from relaypanel.orders.models import CancelRequest, Order, OrderEvent, Refill
from relaypanel.tickets.models import Message, Ticket
from tests import cast

NOT_FOUND = {"data": [], "error_message": "Page not found.", "error_code": 100}


def owner() -> User:
    found = User.objects.filter(username="olga").first()
    if found is not None:
        return found
    return members.enrol(username="olga", password=None, role=Role.OWNER, now=cast.NOW).user


class Bot:
    """Calls with a key of an owner, which opens these scopes; all, when none is named."""

    def __init__(
        self, *scopes: Scope, services: tuple[int, ...] = (), user: User | None = None
    ) -> None:
        self.key, self.text = admin_keys.issue(
            name="bot",
            user=user or owner(),
            scopes=scopes or tuple(Scope),
            service_ids=services,
            by=CONSOLE,
            now=clock.now(),
        )

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self.call("GET", path, query)

    def post(
        self, path: str, *, headers: dict[str, str] | None = None, **body: Any
    ) -> dict[str, Any]:
        return self.call("POST", path, body, headers)

    def call(
        self, method: str, path: str, said: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        sent = {"X-Api-Key": self.text} | (headers or {})
        data: Any = said if method == "GET" else json.dumps(said)
        response = Client().generic(
            method,
            f"/adminapi/v2{path}",
            "" if method == "GET" else data,
            content_type="application/json",
            headers=sent,
            query_params=said if method == "GET" else None,
        )
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json; charset=utf-8"
        assert response["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in response
        reply: dict[str, Any] = json.loads(response.content)
        assert {"data", "error_message", "error_code"} <= reply.keys()
        return reply


def refusal(code: int, words: str) -> dict[str, Any]:
    return {"data": [], "error_message": words, "error_code": code}


def acts() -> list[str]:
    """Return what the audit log holds of the admin API, oldest first."""
    rows = AuditEntry.objects.exclude(act="admin_api.issue").order_by("pk")
    return list(rows.values_list("act", flat=True))


def everything() -> list[Any]:
    """Return all that a call could change."""
    tables = (Account, Transfer, Order, OrderEvent, CancelRequest, Refill, Ticket, Message, User)
    return [list(table.objects.order_by("pk").values()) for table in tables]
