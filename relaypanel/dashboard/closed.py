"""The shop while it is closed for maintenance: a page with the owner's words, for customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from relaypanel.accounts.models import Role
from relaypanel.storefront import profile

# Staff sign in while it is closed, and everybody chooses how the page looks.
_OPEN: Final = ("/account/", "/staff", "/static/", "/hue/", "/language", "/theme")


class Closed:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_OPEN) or not profile.shown().is_closed:
            return self._get_response(request)
        if request.user.is_authenticated and request.user.role != Role.CUSTOMER:
            return self._get_response(request)
        context = {"words": profile.shown().closed_words}
        response = render(request, "dashboard/closed/page.html", context, status=503)
        response["Retry-After"] = "600"
        return response
