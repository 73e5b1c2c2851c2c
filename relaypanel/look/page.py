"""What the middleware has made of a request when it reaches a page."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from relaypanel.accounts.models import User


class PageRequest(HttpRequest):
    """A request of somebody who is signed in: `login_required` stands before the view."""

    user: User
    htmx: HtmxDetails
