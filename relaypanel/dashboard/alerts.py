"""Tells users what was done with their account, in case it was not them."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from relaypanel import clock
from relaypanel.accounts import address
from relaypanel.accounts.models import User
from relaypanel.look import user_agents
from relaypanel.notices import outbox
from relaypanel.notices.models import Kind


def key_shown(request: HttpRequest, user: User) -> None:
    _tell(request, user, Kind.API_KEY_SHOWN)


def key_rotated(request: HttpRequest, user: User) -> None:
    _tell(request, user, Kind.API_KEY_ROTATED)


def signed_in(request: HttpRequest, user: User) -> None:
    """Tell of a sign-in from where there was none before."""
    _tell(request, user, Kind.NEW_SIGN_IN)


def _tell(request: HttpRequest, user: User, kind: Kind) -> None:
    now = clock.now()
    found = address.client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )
    data: dict[str, str | int] = {
        "address": found or "?",
        "device": user_agents.name(request.META.get("HTTP_USER_AGENT", "")) or "?",
        "at": now.isoformat(),
    }
    outbox.tell(user_id=user.pk, kind=kind, data=data, now=now)
