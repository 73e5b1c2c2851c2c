"""The door of the desk: it leads to the first page that its reader's rights open, and the owner of
a new panel to the guide.
"""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from relaypanel.accounts.models import Role
from relaypanel.providers.models import Provider
from relaypanel.staff import shell
from relaypanel.staff.gate import DeskRequest


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    if request.user.role == Role.OWNER and not Provider.objects.exists():
        return redirect("staff:set-up")
    ways = [way for _, group in shell.WAYS for way in group]
    for way in ways:
        if request.rights.may_view(way.section):
            return redirect(way.name)
    return render(request, "staff/home/nothing.html")


def absent(_request: DeskRequest, rest: str) -> HttpResponse:
    raise Http404(rest)
