"""What each template may ask for, whatever page it draws."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from relaypanel.storefront import profile

THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "theme"


def look(request: HttpRequest) -> dict[str, object]:
    shown = profile.shown()
    return {
        "panel_name": shown.shown_name,
        "logo_name": shown.logo_name,
        "hue": shown.hue,
        "has_languages": len(shown.offered) > 1,
        "theme": theme(request),
    }


def theme(request: HttpRequest) -> str:
    """Return the theme that this browser was set to, else the user's, else "auto".

    The browser comes first: the same person may want it dark on the phone alone.
    """
    chosen = request.COOKIES.get(THEME_COOKIE) or getattr(request.user, "theme", "")
    return chosen if chosen in THEMES else "auto"
