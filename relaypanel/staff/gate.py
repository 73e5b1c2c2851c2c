"""The one gate of the desk: every address of it is made here, and nobody passes it otherwise.

Who is not of the staff gets what an absent page gives.  A member of staff needs the right for
the section, to look for a GET and to edit for a POST, and a second factor; what is marked
`fresh` asks them who they are once more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from typing import Final

from allauth.account.internal.flows import reauthentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from relaypanel import clock
from relaypanel.accounts import address, audit_log, rights
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import Role, Section, User
from relaypanel.accounts.rights import Rights
from relaypanel.look import questions
from relaypanel.look.page import PageRequest

_SECOND_FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_LOOKS: Final = frozenset(("GET", "HEAD"))


class DeskRequest(PageRequest):
    """A request that has passed the gate."""

    rights: Rights
    actor: Actor


View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What an address asks of who comes; a section of None: to be of the staff."""

    section: Section | None
    is_fresh: bool


def page(
    route: str, view: View, *, name: str, section: Section | None, fresh: bool = False
) -> URLPattern:
    """Return an address of the desk, behind the gate."""
    rule = Rule(section=section, is_fresh=fresh)
    guarded = _guarded(view, rule)
    guarded.rule = rule  # type: ignore[attr-defined]
    return path(route, guarded, name=name)


def _guarded(view: View, rule: Rule) -> View:
    @wraps(view)
    def guarded(request: DeskRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer = _admit(request, rule) or questions.asked(request, frame="staff/base.html")
        return view(request, *args, **kwargs) if answer is None else answer

    return guarded


def _admit(request: DeskRequest, rule: Rule) -> HttpResponse | None:
    """Let the request know its rights; or return the answer that sends it elsewhere."""
    user = request.user
    if not user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if user.role == Role.CUSTOMER:
        raise Http404
    if request.method not in (*_LOOKS, "POST"):
        return HttpResponseNotAllowed((*_LOOKS, "POST"))
    request.rights = rights.of(user)
    request.actor = Actor(user_id=user.pk, address=caller(request))
    if rule.section is not None and not _may(request, rule.section):
        raise PermissionDenied
    if not _has_second_factor(user):
        messages.info(request, _("The desk needs a second factor: set one up first."))
        return redirect("mfa_activate_totp")
    if rule.is_fresh and request.method == "POST":
        reauthentication.raise_if_reauthentication_required(request, app="staff")
    return None


def acting(
    request: DeskRequest, act: str, subject: tuple[str, object]
) -> AbstractContextManager[audit_log.Change]:
    """Make what is done inside one act of this reader's, with its line in the audit log."""
    return audit_log.acting(by=request.actor, act=act, subject=subject, now=clock.now())


def caller(request: HttpRequest) -> str | None:
    """Return the address that a request comes from."""
    return address.client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )


def _may(request: DeskRequest, section: Section) -> bool:
    if request.method in _LOOKS:
        return request.rights.may_view(section)
    return request.rights.may_edit(section)


def _has_second_factor(user: User) -> bool:
    return bool(get_adapter().is_mfa_enabled(user, types=_SECOND_FACTORS))
