"""Staff roles: which sections each opens, to look at or to change.  Owners alone change them."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors
from relaypanel.accounts import rights
from relaypanel.accounts.models import Role, Section, StaffRole, User
from relaypanel.accounts.rights import Level
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest

SECTIONS: Final = {
    Section.OVERVIEW: pgettext_lazy("section", "Overview"),
    Section.ORDERS: pgettext_lazy("section", "Orders"),
    Section.CATALOGUE: pgettext_lazy("section", "Catalogue"),
    Section.PROVIDERS: pgettext_lazy("section", "Providers"),
    Section.USERS: pgettext_lazy("section", "Users"),
    Section.MONEY: pgettext_lazy("section", "Money, and every amount"),
    Section.TICKETS: pgettext_lazy("section", "Tickets"),
    Section.SETTINGS: pgettext_lazy("section", "Settings"),
    Section.AUDIT_LOG: pgettext_lazy("section", "Audit log"),
}


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    roles = list(StaffRole.objects.order_by("name").prefetch_related("rights", "members"))
    context = {
        "roles": [
            (role, _levels({r.section: r.may_edit for r in role.rights.all()})) for role in roles
        ],
        "empty": _levels({}),
        "is_owner": request.user.role == Role.OWNER,
        "staff": User.objects.exclude(role=Role.CUSTOMER)
        .select_related("staff_role")
        .order_by("pk"),
    }
    return render(request, "staff/roles/page.html", context)


@require_POST
def save(request: DeskRequest, role_id: int) -> HttpResponse:
    """Write a role; 0 is a new one."""
    levels = {
        section: Level(told)
        for section in Section
        if (told := request.POST.get(section.value, "")) in ("view", "edit")
    }
    try:
        rights.save_role(
            name=request.POST.get("name", ""),
            levels=levels,
            by=request.actor,
            now=clock.now(),
            role_id=role_id or None,
        )
    except rights.NoSuchRole:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("The role is kept. Rights change at once."))
    return redirect("staff:roles")


@require_POST
def remove(request: DeskRequest, role_id: int) -> HttpResponse:
    try:
        rights.remove_role(role_id=role_id, by=request.actor, now=clock.now())
    except rights.NoSuchRole:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("The role is gone."))
    return redirect("staff:roles")


def _levels(known: dict[str, bool]) -> list[tuple[str, str, str]]:
    """Return each section with its words and how far it is open: "", "view" or "edit"."""
    words = {None: "", False: "view", True: "edit"}
    return [
        (section.value, str(shown), words[known.get(section.value)])
        for section, shown in SECTIONS.items()
    ]
