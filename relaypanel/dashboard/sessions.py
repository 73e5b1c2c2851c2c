"""Where a user is signed in: which browser, from which address, and when it was last seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse

from relaypanel import clock

# The moment is for a person to read.  Written for every page it would be a commit each.
TOUCH_EVERY_SECONDS: Final = 300
_SEEN_AT: Final = "seen_at"


class LastSeen:
    """Notes that a session is in use: allauth's own middleware writes on each request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _touch(request, int(clock.now().timestamp()))
        return self._get_response(request)


def _touch(request: HttpRequest, now_seconds: int) -> None:
    if request.session.get(_SEEN_AT, 0) <= now_seconds - TOUCH_EVERY_SECONDS:
        UserSession.objects.create_from_request(request)
        request.session[_SEEN_AT] = now_seconds
