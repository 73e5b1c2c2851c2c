"""What the server calls: API v2 and pictures go straight to their doors, all else to Django.

The API is called a thousand times for each page, and Django's request, response and
middleware would cost more than the call itself.  Pictures never see a cookie.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relaypanel.settings")
_pages = get_wsgi_application()

# The door reads models, which exist once the line above has set Django up.
from relaypanel.api_v2 import door  # noqa: E402
from relaypanel.look import attachments  # noqa: E402

# Both are the API, and neither redirects to the other: a redirect turns a POST into a GET.
API_PATHS: Final = frozenset(("/api/v2", "/api/v2/"))


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ.get("PATH_INFO", "")
    if path in API_PATHS:
        return door.application(environ, start_response)
    if path.startswith("/api/v"):
        return door.nothing_here(environ, start_response)
    if path.startswith(attachments.PREFIX):
        return attachments.application(environ, start_response)
    return _pages(environ, start_response)
