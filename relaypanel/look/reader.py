"""Who reads the page: in which language, and what time it is there."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from relaypanel.storefront import profile


class Reader:
    """Turns to the language and time zone that a user chose, for the length of a request.

    LocaleMiddleware has already followed the cookie of the switch or the browser; a choice that
    the user made on another browser is followed where this one has no cookie, and then the
    language in which the owner lets everybody begin.  One that is not offered is not spoken.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        language = _language(request)
        if language != translation.get_language():
            translation.activate(language)
            request.LANGUAGE_CODE = language
        if not user.is_authenticated:
            return self._get_response(request)
        with timezone.override(ZoneInfo(user.time_zone) if user.time_zone else None):
            return self._get_response(request)


def _language(request: HttpRequest) -> str:
    shown = profile.shown()
    wanted = ""
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        wanted = getattr(request.user, "language", "") or shown.default_language
    return shown.language(wanted or translation.get_language() or settings.LANGUAGE_CODE)
