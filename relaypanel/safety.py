"""What a panel that others can reach must not be, and Django's own checks do not know.

`relaypanel check --deploy` tells all of it; the web servers refuse to start with an error.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from relaypanel import env_file
from relaypanel.preflight import CannotStart

log = structlog.get_logger(__name__)


def require() -> None:
    """Raise CannotStart for the first error; what is only doubtful goes to the log."""
    for found in judge():
        if isinstance(found, Error):
            raise CannotStart(found.msg)
        log.warning("unsafe_setting", words=found.msg)


def judge(**_: Any) -> list[CheckMessage]:
    return [*_https(), *_host(), *_debug(), *_files()]


def enlist() -> None:
    """Let `check --deploy` tell it too."""
    checks.register(judge, "security", deploy=True)


def _https() -> Iterator[CheckMessage]:
    if settings.PUBLIC_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        yield Error(
            "TRUSTED_PROXIES: name the proxy that speaks https for PUBLIC_URL; without it every"
            " page redirects to itself for ever.",
            id="relaypanel.E001",
        )


def _host() -> Iterator[CheckMessage]:
    host = urlsplit(settings.PUBLIC_URL).hostname
    if host and not any(_names(allowed, host) for allowed in settings.ALLOWED_HOSTS):
        yield Error(
            f"ALLOWED_HOSTS: {host} of PUBLIC_URL is not among them, so no page would be shown.",
            id="relaypanel.E002",
        )


def _names(allowed: str, host: str) -> bool:
    if allowed.startswith("."):
        return host == allowed[1:] or host.endswith(allowed)
    return allowed.strip("[]") in ("*", host)


def _debug() -> Iterator[CheckMessage]:
    if settings.DEBUG and settings.PUBLIC_URL.startswith("https://"):
        yield Error(
            "DEBUG: it shows settings and customers' data to whoever meets an error; never with a"
            " PUBLIC_URL.",
            id="relaypanel.E003",
        )


def _files() -> Iterator[CheckMessage]:
    database = Path(settings.DATABASES["default"]["NAME"])
    for file in (Path(env_file.path()), database):
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & stat.S_IROTH:
            yield checks.Warning(
                f"{file} can be read by every user of this machine; chmod 600 it.",
                id="relaypanel.W001",
            )
