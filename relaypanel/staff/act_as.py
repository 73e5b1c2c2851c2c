"""Seeing the shop as a customer does, for support: to look, and never to act.

The staff member's own session says for whom; while it does, all pages but the desk's are drawn
for that customer, with a banner.  Nothing can be sent: no order, no money, no key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from relaypanel import clock
from relaypanel.accounts import audit_log, rights
from relaypanel.accounts.models import Role, Section, User
from relaypanel.staff.gate import DeskRequest

SECONDS_MAX: Final = 1800
_SESSION_KEY: Final = "acting_as"
_HARMLESS: Final = ("GET", "HEAD")


class ActAs:
    """Draws the shop for the customer whom a member of staff looks after."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/staff") or _SESSION_KEY not in request.session:
            return self._get_response(request)
        customer = _customer(request)
        if customer is None:
            del request.session[_SESSION_KEY]
            return self._get_response(request)
        # Their sessions, keys and second factors are nobody else's to see.
        if request.method not in _HARMLESS or request.path.startswith("/account/"):
            raise PermissionDenied
        request.user = customer
        request.acts_for_customer = True  # type: ignore[attr-defined]
        return self._get_response(request)


@require_POST
def begin(request: DeskRequest, user_id: int) -> HttpResponse:
    customer = User.objects.filter(pk=user_id, role=Role.CUSTOMER).first()
    if customer is None:
        raise Http404
    now = clock.now()
    with transaction.atomic():
        audit_log.record(by=request.actor, act="user.act_as", subject=("user", user_id), now=now)
    request.session[_SESSION_KEY] = {"user": user_id, "since": int(now.timestamp())}
    return redirect("/dashboard")


@require_POST
def end(request: DeskRequest) -> HttpResponse:
    acting = request.session.pop(_SESSION_KEY, None)
    if acting is None:
        return redirect("staff:home")
    messages.success(request, _("You are back at the desk."))
    return redirect("staff:user", user_id=acting["user"])


def _customer(request: HttpRequest) -> User | None:
    """Return whom to draw for; None: the right or the time is over."""
    acting = request.session[_SESSION_KEY]
    is_late = clock.now().timestamp() > acting["since"] + SECONDS_MAX
    user = request.user
    if is_late or not user.is_authenticated or not rights.of(user).may_edit(Section.USERS):
        return None
    return User.objects.filter(pk=acting["user"], role=Role.CUSTOMER, is_active=True).first()
