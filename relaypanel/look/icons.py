"""Icons: drawn once per name and size, then kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.utils.safestring import SafeString, mark_safe
from tablericons import _render_icon

# The first word that a platform's name holds decides.  The second is its colour in tokens.css.
_PLATFORMS: Final = (
    ("facebook", "brand-facebook", "facebook"),
    ("tiktok", "brand-tiktok", "tiktok"),
    ("instagram", "brand-instagram", "instagram"),
    ("youtube", "brand-youtube", "youtube"),
    ("telegram", "brand-telegram", "telegram"),
    ("threads", "brand-threads", "threads"),
    ("shopee", "shopping-bag", "shopee"),
    ("lazada", "shopping-bag", "shopee"),
    ("twitter", "brand-x", "x"),
    ("x.com", "brand-x", "x"),
    ("spotify", "brand-spotify", "spotify"),
    ("soundcloud", "brand-soundcloud", "shopee"),
    ("twitch", "brand-twitch", "twitch"),
    ("discord", "brand-discord", "twitch"),
    ("linkedin", "brand-linkedin", "facebook"),
    ("pinterest", "brand-pinterest", "youtube"),
    ("reddit", "brand-reddit", "shopee"),
    ("snapchat", "brand-snapchat", "plain"),
    ("whatsapp", "brand-whatsapp", "spotify"),
    ("zalo", "message-circle", "facebook"),
    ("google", "brand-google", "facebook"),
    ("seo", "world-search", "plain"),
    ("traffic", "world-www", "plain"),
    ("website", "world-www", "plain"),
)


@lru_cache(maxsize=1024)
def icon(name: str, size: int = 20, css_class: str = "") -> SafeString:
    """Return the outline icon of this name, as inline SVG that screen readers pass over."""
    attributes = {"aria_hidden": "true", "focusable": "false", "stroke_width": "1.75"}
    if css_class:
        attributes["class"] = css_class
    # The icons come from the library's own archive, and the names from our templates.
    return mark_safe(_render_icon(f"outline/{name}", size, **attributes))  # noqa: S308 # nosec B308 B703


def platform(name: str) -> tuple[str, str]:
    """Return the icon's name and the colour's for a platform as its owner called it."""
    lower = name.lower()
    found = (row[1:] for row in _PLATFORMS if row[0] in lower)
    return next(found, ("world", "plain"))
