"""Asks before an act that cannot be undone, where no script of the page has asked already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

# The field of a form that holds its question.  Nobody but the page itself can fill it in: a form
# needs the token of its reader.
_FIELD: Final = "asks"
# The page has a token of its own.
_NOT_TAKEN_ALONG: Final = (_FIELD, "csrfmiddlewaretoken")


class Questions:
    """Answers a form that comes with a question by a page that asks it; its button sends the same
    form without.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *_: Any
    ) -> HttpResponse | None:
        words = _question(request, view)
        if not words:
            return None
        fields = [
            (name, value)
            for name, values in request.POST.lists()
            for value in values
            if name not in _NOT_TAKEN_ALONG
        ]
        context = {"words": words, "fields": fields, "back": _where_from(request)}
        return render(request, "look/question.html", context)


def _question(request: HttpRequest, view: Callable[..., HttpResponse]) -> str:
    # What programs send is not for us to read.
    is_for_programs = getattr(view, "csrf_exempt", False)
    if request.method != "POST" or is_for_programs or not request.user.is_authenticated:
        return ""
    return request.POST.get(_FIELD, "")


def _where_from(request: HttpRequest) -> str:
    """Return the page that the form stood on, as long as it is one of ours."""
    address = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if is_ours else "/"
