"""The door of API v2: one call in, one JSON value out, whatever came in.

A plain WSGI function with as little as possible between the socket and the domain.  Every
answer is HTTP 200, errors too, because clients in the field look into the body and treat
other codes as an outage; only a fault of ours is a 5xx, and only too many calls are a 429.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from relaypanel import clock, database
from relaypanel.accounts import address, keys, throttle
from relaypanel.api_v2 import actions, request, wire
from relaypanel.catalogue import listing
from relaypanel.catalogue.editions import Listed
from relaypanel.contract import Action
from relaypanel.errors import Refused

log = structlog.get_logger(__name__)

_HEADERS: Final = (
    ("Content-Type", "application/json; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)
# A proxy that compresses on its own way makes a tag weak; the words behind it are the same.
_ETAG_IS_WEAK: Final = re.compile(r"^\s*W/")
_ACCEPTS_GZIP: Final = re.compile(r"\b(?:x-)?gzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.ASCII)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    database.tidy()
    status, reply, *headers = _outcome(environ)
    if isinstance(reply, Listed):
        status, reply = _negotiated(reply, environ, headers)
    start_response(status, [*_HEADERS, ("Content-Length", str(len(reply))), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply]


def nothing_here(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer programs that call beside the API's path, in JSON: they read no page."""
    reply = wire.encode(wire.NOTHING_HERE)
    start_response("404 Not Found", [*_HEADERS, ("Content-Length", str(len(reply)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply]


def _negotiated(
    listed: Listed, environ: WSGIEnvironment, headers: list[tuple[str, str]]
) -> tuple[str, bytes]:
    """Return status and body of a price list, compressed or not at all if the client says so."""
    headers += (("ETag", listed.tag), ("Vary", "Accept-Encoding"))
    if _ETAG_IS_WEAK.sub("", environ.get("HTTP_IF_NONE_MATCH", "")).strip() == listed.tag:
        return "304 Not Modified", b""
    if _ACCEPTS_GZIP.search(environ.get("HTTP_ACCEPT_ENCODING", "")):
        headers.append(("Content-Encoding", "gzip"))
        return "200 OK", listing.compressed(listed)
    return "200 OK", listed.body


def _outcome(environ: WSGIEnvironment) -> tuple[str, bytes | Listed, *tuple[tuple[str, str], ...]]:
    """Return the HTTP status, the reply, and headers of its own.

    Logs hold no field of the call, so no key.
    """
    try:
        return "200 OK", _answer(environ)
    except throttle.TooManyCalls as refused:
        retry_after = ("Retry-After", str(refused.retry_after_seconds))
        return "429 Too Many Requests", wire.encode(wire.error(refused)), retry_after
    except Refused as refused:
        return "200 OK", wire.encode(wire.error(refused))
    except (OperationalError, InterfaceError):
        log.exception("api_v2_without_database")
        return "503 Service Unavailable", wire.encode(wire.UNAVAILABLE)
    except Exception:
        log.exception("api_v2_failed")
        return "500 Internal Server Error", wire.encode(wire.FAILED)


def _answer(environ: WSGIEnvironment) -> bytes | Listed:
    now = clock.now()
    caller_address = address.client_address(
        environ.get("REMOTE_ADDR", ""),
        environ.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )
    throttle.admit(caller_address)
    try:
        fields = request.read(environ)
    except Refused:
        throttle.count_stranger(caller_address)
        raise
    idempotency_key = environ.get("HTTP_IDEMPOTENCY_KEY")
    if fields.get("action") == Action.ADD:
        claim = keys.claim(fields.get("key", ""), address=caller_address, now=now)
        if claim and (reply := _ordered(claim, fields, idempotency_key, now)) is not None:
            return reply
    found = _find(fields, caller_address)
    if found is None:
        throttle.count_stranger(caller_address)
        raise keys.BadKey
    caller, columns = found
    throttle.count_call(caller)
    keys.touch(caller, address=caller_address, now=now)
    call = actions.Call(
        user_id=caller.user_id,
        columns=columns,
        fields=fields,
        idempotency_key=idempotency_key,
        now=now,
    )
    return actions.answer(call)


def _ordered(
    claim: keys.Claim, fields: Mapping[str, str], idempotency_key: str | None, now: datetime
) -> bytes | None:
    """Place an order of who called a moment ago; None: it is to be looked up who calls.

    Their key is looked at as the order is placed, with those of all who order meanwhile.
    """
    call = actions.Call(
        user_id=claim.caller.user_id,
        fields=fields,
        idempotency_key=idempotency_key,
        now=now,
        claim=claim,
    )
    try:
        order = actions.order(call)
        throttle.count_call(claim.caller)
    except Refused:
        # Nothing is said of an order to somebody who may not be who they seem to be.
        return None
    try:
        return actions.placed(order, now=now)
    except keys.BadKey:
        return None


def _find(
    fields: Mapping[str, str], caller_address: str | None
) -> tuple[keys.Caller, tuple[Any, ...]] | None:
    """Return who calls, and what the call asks for of theirs."""
    finder, values = actions.look_up(fields)
    key = fields.get("key", "")
    # Nothing was done before this look-up, and it alone is tried again.
    return database.anew(lambda: finder.find(key, *values, address=caller_address))
