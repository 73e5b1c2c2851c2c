"""What the middleware has made of a request when it reaches a page, and the way back from it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from relaypanel.accounts.models import User


class PageRequest(HttpRequest):
    """A request of somebody who is signed in: `login_required` stands before the view."""

    user: User
    htmx: HtmxDetails


def back(request: HttpRequest, *, otherwise: str) -> HttpResponseRedirect:
    """Lead to the address that the form names as `next`, as long as it is one of ours."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if is_ours else otherwise)
