"""The door for pictures of tickets: a WSGI function that neither reads nor sets a cookie.

Whoever has the signed name of a picture may see it while the name lasts; the pages give it to
those who may read the ticket.  See docs/decisions/0012-pictures-of-tickets.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from django.db import InterfaceError, OperationalError

from relaypanel import clock, database
from relaypanel.tickets import pictures
from relaypanel.tickets.models import Message, Picture

log = structlog.get_logger(__name__)

PREFIX: Final = "/attachments/"
_SUFFIX: Final = ".webp"

# One strict type that nothing is guessed beside, kept by nobody, framed and run by nobody.
_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A message, and its pictures with the paths that a page may show them by."""

    message: Message
    pictures: Sequence[tuple[str, Picture]]


def said(of: Sequence[Message], *, now: datetime) -> list[Said]:
    """Return the messages as templates show them."""
    return [
        Said(
            message=message,
            pictures=[(path(picture, now=now), picture) for picture in message.pictures.all()],
        )
        for message in of
    ]


def path(picture: Picture, *, now: datetime) -> str:
    """Return where the reader of a page finds the picture."""
    return f"{PREFIX}{pictures.name(picture, now=now)}{_SUFFIX}"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    database.tidy()
    status, kind, body = _outcome(environ)
    database.tidy()
    lengths = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(status, [*_HEADERS, *lengths])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _outcome(environ: WSGIEnvironment) -> tuple[str, str, bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return "405 Method Not Allowed", "text/plain", b""
    name = environ["PATH_INFO"].removeprefix(PREFIX).removesuffix(_SUFFIX)
    try:
        webp = pictures.find(name, now=clock.now())
    except (OperationalError, InterfaceError):
        log.exception("attachment_without_database")
        return "503 Service Unavailable", "text/plain", b""
    if webp is None:
        return "404 Not Found", "text/plain", b""
    return "200 OK", "image/webp", webp
