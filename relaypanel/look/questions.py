"""Asks before an act that cannot be undone, where no script of the page has asked already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

# The field of a form that holds its question; "asks.drop" that of the button with the value "drop".
# Nobody but the page itself can fill it in: a form needs the token of its reader.
_FIELD: Final = "asks"
_OF_BUTTON: Final = f"{_FIELD}."
# The page of the question has a token of its own.
_CSRF: Final = "csrfmiddlewaretoken"


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
        # What programs send is not for us to read, and the desk asks behind its gate.
        is_for_programs = getattr(view, "csrf_exempt", False)
        if is_for_programs or hasattr(view, "rule") or not request.user.is_authenticated:
            return None
        return asked(request)


def asked(request: HttpRequest, *, frame: str = "look/signed_in.html") -> HttpResponse | None:
    """Return the page that asks what a form brings with it; None: it brings no question."""
    words = _question(request) if request.method == "POST" else ""
    if not words:
        return None
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if not _is_ours(name)
    ]
    context = {"words": words, "fields": fields, "back": _where_from(request), "frame": frame}
    return render(request, "look/question.html", context)


def _question(request: HttpRequest) -> str:
    for name, words in request.POST.items():
        button = name.removeprefix(_OF_BUTTON)
        if button != name and words and button in _values(request):
            return str(words)
    return request.POST.get(_FIELD, "")


def _values(request: HttpRequest) -> set[object]:
    """Return what the form says, its button's value among it."""
    told = request.POST.lists()
    return {value for name, values in told if not _is_ours(name) for value in values}


def _is_ours(name: str) -> bool:
    return name in (_FIELD, _CSRF) or name.startswith(_OF_BUTTON)


def _where_from(request: HttpRequest) -> str:
    """Return the page that the form stood on, as long as it is one of ours."""
    address = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if is_ours else "/"
