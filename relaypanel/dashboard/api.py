"""The API page: the documentation, the user's own key, who may use it, and a console."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock
from relaypanel.accounts import address, keys, networks
from relaypanel.accounts.models import ApiKey, User
from relaypanel.api_v2 import door
from relaypanel.contract import FIELDS, Action
from relaypanel.dashboard import alerts, reference, refusals, snippets
from relaypanel.look.page import PageRequest

# Stands in the examples until somebody has looked at the key.
_NO_KEY = "YOUR_KEY"
# These change something or cost money, so the console asks before it makes the call.
CONFIRMED = frozenset((Action.ADD, Action.CANCEL, Action.REFILL))


@require_GET
def page(request: PageRequest) -> HttpResponse:
    return _page(request)


@login_required
@require_POST
@reauthentication_required
def reveal(request: PageRequest) -> HttpResponse:
    """Show the key, on this one answer alone: it is in no address and in no message."""
    alerts.key_shown(request, request.user)
    return _page(request, key=keys.reveal(request.user))


@login_required
@require_POST
@reauthentication_required
def rotate(request: PageRequest) -> HttpResponse:
    key = keys.issue(request.user, now=clock.now())
    alerts.key_rotated(request, request.user)
    messages.success(request, _("This is your new key. The old one no longer works."))
    return _page(request, key=key)


@login_required
@require_POST
def allow(request: PageRequest) -> HttpResponse:
    """Keep the list of addresses that may use the key.

    A list that would lock out the address which uses the key now is kept only when that was
    confirmed.
    """
    user, text = request.user, request.POST.get("networks", "")
    try:
        wanted = "\n".join(networks.parse(text))
    except (networks.BadNetwork, networks.TooManyNetworks) as refused:
        return _page(request, networks=text, networks_error=refusals.words(refused))
    locked_out = _locked_out(request, user, wanted)
    if locked_out and request.POST.get("anyway") != "yes":
        return _page(request, networks=text, locked_out=locked_out)
    networks.save(user, text)
    messages.success(request, _("The list of addresses is saved."))
    return redirect("dashboard:api")


@login_required
@require_POST
def console(request: PageRequest) -> HttpResponse:
    """Make a real call with the user's own key, through the door that everybody uses."""
    action = request.POST.get("action", "")
    if action not in Action.__members__.values():
        return HttpResponseBadRequest()
    # What was filled in for another action is not seen, and is not sent.
    names = _takes(Action(action))
    fields = {name: value for name in names if (value := request.POST.get(name, ""))}
    if action in CONFIRMED and request.POST.get("confirmed") != "yes":
        return _answer(request, action, fields, asks=True)
    reply = _call(request, {"key": keys.reveal(request.user), "action": action} | fields)
    return _answer(request, action, fields, reply=reply)


def _takes(action: Action) -> list[str]:
    """Return the parameters of an action, those of all types of orders last."""
    described = [one.name for one in reference.ACTIONS[action].parameters]
    return list(dict.fromkeys([*described, *(FIELDS if action is Action.ADD else ())]))


def _console_fields(filled: Mapping[str, str]) -> list[dict[str, object]]:
    """Return every parameter, once, with the actions that take it and what it was filled with.

    `is_special`: only some types of orders take it.
    """
    takers: dict[str, list[str]] = {}
    for action in Action:
        for name in _takes(action):
            takers.setdefault(name, []).append(action)
    described = {one.name for action in reference.ACTIONS.values() for one in action.parameters}
    lists = reference.lists()
    return [
        {
            "name": name,
            "takers": " ".join(actions),
            "value": filled.get(name, ""),
            "is_list": name in lists,
            "is_special": name not in described,
        }
        # Nobody needs it, in any action: it comes after what they do.
        for name, actions in sorted(takers.items(), key=lambda it: it[0] == "client_ref")
    ]


def _page(
    request: PageRequest, *, key: str = "", answer: Mapping[str, Any] | None = None, **extra: object
) -> HttpResponse:
    context: dict[str, object] = {
        "url": _url(request),
        "actions": _actions(request, key),
        "types": list(reference.types()),
        "lists": reference.lists(),
        "errors": reference.errors(),
        "console_actions": [action.value for action in Action],
        "console_fields": _console_fields(answer["fields"] if answer else {}),
        "answer": answer,
        "key": key,
    }
    if request.user.is_authenticated:
        context |= _own(request, request.user)
    return render(request, "dashboard/api/page.html", context | extra)


def _actions(request: PageRequest, key: str) -> list[dict[str, Any]]:
    return [
        {
            "name": action.value,
            "described": described,
            "samples": [
                {
                    "reply": sample.reply_text,
                    "calls": snippets.of(
                        url=_url(request),
                        key=key or _NO_KEY,
                        fields={"action": action.value} | dict(sample.fields),
                    ),
                }
                for sample in described.samples
            ],
        }
        for action, described in reference.ACTIONS.items()
    ]


def _own(request: PageRequest, user: User) -> dict[str, object]:
    """Return what the page says of the user's own key and its addresses."""
    caller = _address(request)
    return {
        "own_key": ApiKey.objects.filter(user=user, revoked_at=None).first(),
        "networks": user.api_networks,
        "address": caller,
        "is_allowed": networks.allows(user.api_networks, caller),
    }


def _locked_out(request: PageRequest, user: User, wanted: str) -> list[str]:
    """Return the addresses in use that the wanted list does not hold."""
    key = ApiKey.objects.filter(user=user, revoked_at=None).first()
    in_use = {_address(request), key.last_used_from if key else None} - {None}
    return sorted(one for one in in_use if one and not networks.allows(wanted, one))


def _call(request: PageRequest, fields: dict[str, str]) -> str:
    """Return the reply, made readable, of a call that comes from the reader's address."""
    body = urlencode(fields).encode()
    environ = request.META | {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body),
    }
    environ.pop("HTTP_IDEMPOTENCY_KEY", None)
    reply = b"".join(door.application(environ, lambda *_: lambda _: None))
    return msgspec.json.format(reply, indent=2).decode()


def _answer(
    request: PageRequest, action: str, fields: dict[str, str], **extra: object
) -> HttpResponse:
    context = {"action": action, "fields": fields, **extra}
    if request.htmx:
        return render(request, "dashboard/api/_answer.html", context)
    return _page(request, answer=context)


def _url(request: PageRequest) -> str:
    return f"{settings.PUBLIC_URL or request.build_absolute_uri('/').rstrip('/')}/api/v2"


def _address(request: PageRequest) -> str | None:
    return address.client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )
