"""Icons: drawn once per name and size, then kept."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import resources
from typing import Final
from zipfile import ZipFile

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

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


_STROKES: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@lru_cache(maxsize=1024)
def icon(name: str, size: int = 20, css_class: str = "") -> SafeString:
    """Return the outline icon of this name, as inline SVG that screen readers pass over."""
    drawn = _STROKES.search(_archive().read(f"outline/{name}.svg").decode())
    assert drawn, name
    # The icons come from the library's own archive, and the names from our templates.
    strokes = mark_safe("".join(map(str.strip, drawn[1].splitlines())))  # noqa: S308 # nosec B308 B703
    return format_html(
        '<svg{} width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"'
        ' focusable="false">{}</svg>',
        format_html(' class="{}"', css_class) if css_class else "",
        size,
        size,
        strokes,
    )


@cache
def _archive() -> ZipFile:
    # To read the list of its six thousand icons takes longer than to draw a page, so that it is
    # read once, and not by the library, which does so for each icon.
    return ZipFile(str(resources.files("tablericons") / "tablericons.zip"))


def platform(name: str) -> tuple[str, str]:
    """Return the icon's name and the colour's for a platform as its owner called it."""
    lower = name.lower()
    found = (row[1:] for row in _PLATFORMS if row[0] in lower)
    return next(found, ("world", "plain"))
