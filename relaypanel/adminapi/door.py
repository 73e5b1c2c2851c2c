"""The door of the market's admin API: a key in a header, an envelope in JSON, HTTP 200.

Errors are HTTP 200 too, because the programs in the field look into the envelope; only a fault of
ours is a 500.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from relaypanel import clock
from relaypanel.accounts import address, admin_keys, throttle
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import AdminKey
from relaypanel.adminapi import fields, routes, wire
from relaypanel.adminapi.call import Call
from relaypanel.errors import Refused

log = structlog.get_logger(__name__)

_IDEMPOTENCY_CHARACTERS_MAX: Final = 60


# A key in a header is no cookie: nobody else's page can make a browser send it.
@csrf_exempt
def answer(request: HttpRequest, path: str) -> HttpResponse:
    status = 200
    try:
        envelope = _envelope(request, f"/{path.rstrip('/')}")
    except Refused as refused:
        envelope = wire.said(refused)
    except Exception:
        log.exception("admin_api_failed")
        status, envelope = 500, wire.error(wire.FAULT, "Something broke here. Try again later.")
    return HttpResponse(
        msgspec.json.encode(envelope),
        status=status,
        content_type="application/json; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _envelope(request: HttpRequest, path: str) -> dict[str, Any]:
    caller = address.client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )
    throttle.admit(caller)
    key = admin_keys.find(request.headers.get("X-Api-Key", ""))
    if key is None:
        throttle.count_stranger(caller)
        return wire.error(wire.BAD_KEY, "Bad API key.")
    throttle.count_admin_call(key.pk)
    found = routes.find(request.method or "", path)
    if found is None:
        return wire.error(wire.NOT_FOUND, "Page not found.")
    route, subject = found
    if not admin_keys.opens(key, route.scope):
        return wire.error(wire.NOT_ALLOWED, f"This key lacks the scope {route.scope}.")
    call = _call(request, key=key, caller=caller, subject=subject, path=path)
    admin_keys.touch(key, address=caller, now=call.now)
    return route.handle(call)


def _call(
    request: HttpRequest, *, key: AdminKey, caller: str | None, subject: int, path: str
) -> Call:
    named = request.headers.get("Idempotency-Key", "")
    if len(named) > _IDEMPOTENCY_CHARACTERS_MAX:
        raise fields.BadField("Idempotency-Key")
    return Call(
        key=key,
        by=Actor(user_id=key.user_id, address=caller),
        fields=fields.read(request),
        subject=subject,
        path=path,
        query={name: request.GET[name] for name in request.GET},
        idempotency_key=named,
        shows_money=admin_keys.shows_money(key),
        now=clock.now(),
    )
