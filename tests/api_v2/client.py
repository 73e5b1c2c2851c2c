"""A client of API v2 that hands its bytes straight to the WSGI function we serve.

Every reply that comes back through here has been held against the rules that all replies
keep, and `refused` also against those of a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIEnvironment

from relaypanel import clock, money
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.ledger.models import Account, Transfer
from relaypanel.orders.models import (
    FINAL,
    CancelRequest,
    DripFeed,
    Order,
    OrderEvent,
    Refill,
    Status,
)
from relaypanel.wsgi import application

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def environment(body: bytes = b"", **environ: Any) -> WSGIEnvironment:
    """Return what a server passes on for a POST of `body`; a name with None is left out."""
    full = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v2",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "203.0.113.9",
        "SERVER_NAME": "panel.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    } | environ
    return {name: value for name, value in full.items() if value is not None}


def serve(environ: WSGIEnvironment) -> Reply:
    """Return the reply as it is, for the tests of what is not a sound call."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Any:
        started.append((status, headers))

    pieces: Iterable[bytes] = application(environ, start_response)
    body = b"".join(pieces)
    ((status, headers),) = started
    return Reply(status=int(status.split()[0]), headers=dict(headers), body=body)


def send(body: bytes = b"", **environ: Any) -> bytes:
    """Return the body of the reply: HTTP 200, one JSON value, said to be JSON."""
    reply = serve(environment(body, **environ))
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.headers["Content-Length"] == str(len(reply.body))
    json.loads(reply.body)
    return reply.body


def call(**fields: object) -> bytes:
    """Return the body of the reply to the fields as a form."""
    return send(urlencode(fields).encode())


def refused(body: bytes = b"", **environ: Any) -> str:
    """Return the words of the refusal, which wrote nothing and moved no money."""
    before = _everything()

    reply = json.loads(send(body, **environ))

    assert list(reply) == ["error"]
    assert _everything() == before
    return str(reply["error"])


def refusal(**fields: object) -> str:
    """Return the words of the refusal of the fields as a form."""
    return refused(urlencode(fields).encode())


def order(user: User, service: Service, **fields: Any) -> Order:
    """Return an order that staff look after, as if it had been placed two days ago."""
    settings: dict[str, Any] = {"charge": "0.9", "quantity": 1000, "status": Status.QUEUED} | fields
    status = settings["status"]
    charge_e8 = money.parse(settings.pop("charge"))
    moments = {"placed_at": ago(hours=48), "due_at": ago(hours=48)}
    moments |= {"ended_at": ago(hours=30)} if status in FINAL else {}
    return Order.objects.create(
        user=user,
        service=service,
        **(
            {
                "type": service.type,
                "link": "https://example.com/a",
                "rate_e8": service.rate_e8,
                "rate_per": service.rate_per,
                "charge_e8": charge_e8,
                "remains": settings["quantity"],
            }
            | moments
            | settings
        ),
    )


def ago(*, hours: float) -> datetime:
    return clock.now() - timedelta(hours=hours)


def _everything() -> list[object]:
    tables = (Order, OrderEvent, DripFeed, CancelRequest, Refill, Transfer)
    balances = Account.objects.order_by("pk").values_list("pk", "balance_e8")
    return [*(table.objects.count() for table in tables), *balances]
