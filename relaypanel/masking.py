"""Takes secrets out of text before it is kept: log lines, tracebacks, rows that people read.

Nothing is meant to write a secret there.  This is for what others write for us: a driver that
tells the address of its database, a library that tells the address it called.
"""

from __future__ import annotations

import re
from typing import Any, Final

MASK: Final = "***"

_RULES: Final = (
    # https://user:password@host, redis://:password@host
    (re.compile(r"(?<=://)[^\s/@'\"]*@"), f"{MASK}@"),
    # key=…, "api_key": "…", password='…': in an address, a form, JSON or a repr.  What a name
    # begins with is not looked at: to try that at each letter of a long word takes its square.
    (
        re.compile(
            r"(?i)((?:key|password|passwd|secret|token|authorization|cookie|signature)"
            r"[\"']?\s*[=:]\s*)"
            r"(b?\"[^\"]*\"|b?'[^']*'|(?:Bearer |Basic |Token )?[^\s&,;\"')\]}]+)"
        ),
        rf"\1{MASK}",
    ),
    # An API key of ours and of most other panels, wherever it stands.
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])"), MASK),
    # What the vault has sealed.
    (re.compile(r"gAAAA[\w=-]{40,}"), MASK),
)


def mask(text: str) -> str:
    """Return the text with what looks like a secret taken out."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def mask_event(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Mask a log event: each of its texts, and whole what is named like a secret."""
    return {name: _masked(name, value) for name, value in event.items()}


_NAMES: Final = re.compile(r"(?i)(^|_)(key|password|secret|token|authorization|cookie)$")


def _masked(name: str, value: Any) -> Any:
    if _NAMES.search(name) and value is not None:
        return MASK
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    if isinstance(value, dict):
        return {inner: _masked(str(inner), item) for inner, item in value.items()}
    # The renderer would write what the exception says, which nobody looks at again.
    return mask(repr(value)) if isinstance(value, BaseException) else value
