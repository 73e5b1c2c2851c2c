"""The two switches of the top bar: they work for visitors and users, with and without script."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
)
from django.views.decorators.http import require_GET, require_POST

from relaypanel.accounts.models import User
from relaypanel.look import context
from relaypanel.look.page import back
from relaypanel.storefront import profile

_YEAR_SECONDS: Final = 31_536_000


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("language", "")
    if chosen not in profile.shown().offered:
        return HttpResponseBadRequest()
    _keep(request, language=chosen)
    return _back(request, settings.LANGUAGE_COOKIE_NAME, chosen)


@require_GET
def hue(_request: HttpRequest, degrees: int) -> HttpResponse:
    """Return the owner's colour as a style sheet: the content policy allows no style in a page."""
    if degrees > profile.HUE_MAX:
        raise Http404
    sheet = f"@layer tokens {{ :root {{ --accent-hue: {degrees}; }} }}\n"
    return _for_ever(sheet, content_type="text/css")


@require_GET
def logo(_request: HttpRequest, name: str) -> HttpResponse:
    """Return the owner's mark; another one has another name."""
    webp = profile.find_logo(name)
    if webp is None:
        raise Http404
    return _for_ever(webp, content_type="image/webp")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    if chosen not in context.THEMES:
        return HttpResponseBadRequest()
    _keep(request, theme=chosen)
    return _back(request, context.THEME_COOKIE, chosen)


def _for_ever(content: str | bytes, *, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    return response


def _keep(request: HttpRequest, **chosen: str) -> None:
    """Remember the choice for the user's other browsers and for letters to them."""
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(**chosen)


def _back(request: HttpRequest, cookie: str, value: str) -> HttpResponse:
    response = back(request, otherwise="/")
    response.set_cookie(
        cookie,
        value,
        max_age=_YEAR_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    return response
