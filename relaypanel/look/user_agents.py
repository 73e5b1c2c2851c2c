"""What a browser calls itself, as its user would."""

from __future__ import annotations

import re
from typing import Final

# The first that is found decides: every browser also claims to be those below it.
_BROWSERS: Final = (
    (re.compile(r"Edg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|Opera"), "Opera"),
    (re.compile(r"SamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"coc_coc_browser/"), "Cốc Cốc"),
    (re.compile(r"Zalo/| Zalo "), "Zalo"),
    (re.compile(r"FBAN|FBAV"), "Facebook"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"Chrome/|CriOS/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Mac OS X|Macintosh"), "macOS"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Linux|X11"), "Linux"),
)
_LENGTH_MAX: Final = 40


def name(user_agent: str) -> str:
    """Return "Firefox, Linux"; what nobody knows, as it calls itself; "" for nothing."""
    found = [
        next((words for pattern, words in table if pattern.search(user_agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or user_agent[:_LENGTH_MAX]
