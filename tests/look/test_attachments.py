from __future__ import annotations

from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from relaypanel import clock
from relaypanel.look import attachments
from relaypanel.tickets.models import Picture
from relaypanel.wsgi import application
from tests import cast
from tests.tickets import scene

pytestmark = pytest.mark.django_db


def ask(path: str, **environ: Any) -> tuple[str, dict[str, str], bytes]:
    """Return status, headers and body, given as the WSGI standard asks."""
    full: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": ""} | environ
    setup_testing_defaults(full)
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        started.extend((status, dict(headers)))
        return lambda _: None

    replies = validator(application)(full, start)
    body = b"".join(replies)
    replies.close()  # type: ignore[attr-defined]
    return started[0], started[1], body


def shown() -> tuple[str, Picture]:
    scene.ticket(cast.alice().user, uploads=[scene.picture()])
    picture = Picture.objects.get()
    return attachments.path(picture, now=clock.now()), picture


class TestPicture:
    def test_is_shown_as_nothing_but_a_picture(self) -> None:
        path, picture = shown()

        status, headers, body = ask(path, HTTP_COOKIE="sessionid=somebody")

        assert status == "200 OK"
        assert body == bytes(picture.webp)
        assert headers == {
            "Content-Type": "image/webp",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        }

    def test_has_a_head(self) -> None:
        path, picture = shown()

        status, headers, body = ask(path, REQUEST_METHOD="HEAD")

        assert (status, body) == ("200 OK", b"")
        assert headers["Content-Length"] == str(len(picture.webp))

    def test_is_found_by_its_signed_name_alone(self) -> None:
        path, picture = shown()

        for other in (f"/attachments/{picture.pk}.webp", path[:-6] + ".webp", "/attachments/"):
            status, headers, body = ask(other)
            assert (status, headers["Content-Type"], body) == ("404 Not Found", "text/plain", b"")

    def test_is_not_written_to(self) -> None:
        path, _ = shown()

        assert ask(path, REQUEST_METHOD="POST", CONTENT_LENGTH="0")[0] == "405 Method Not Allowed"
