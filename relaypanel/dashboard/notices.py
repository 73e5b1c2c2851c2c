"""What a user was told: the list behind the bell, and what they want to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relaypanel import clock
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.page import PageRequest
from relaypanel.notices import choices, inbox, kinds
from relaypanel.notices.kinds import CHOOSABLE, KINDS
from relaypanel.notices.models import Channel, Kind, Notice

_PAGE: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    notice: Notice

    @property
    def title(self) -> str:
        return kinds.title(Kind(self.notice.kind), self.notice.data)

    @property
    def words(self) -> str:
        return kinds.words(Kind(self.notice.kind), self.notice.data)

    @property
    def path(self) -> str:
        return kinds.path(Kind(self.notice.kind), self.notice.data)

    @property
    def icon(self) -> str:
        return KINDS[Kind(self.notice.kind)].icon


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceRow:
    kind: Kind
    wanted: frozenset[choices.Way]

    @property
    def label(self) -> str | Promise:
        return KINDS[self.kind].label

    @property
    def by_page(self) -> bool:
        return (self.kind, Channel.PAGE) in self.wanted

    @property
    def by_mail(self) -> bool:
        return (self.kind, Channel.MAIL) in self.wanted


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    found = inbox.page(request.user.pk, before=before_id(request), limit=_PAGE + 1)
    notices = found[:_PAGE]
    context = {
        "rows": [Row(notice=notice) for notice in notices],
        "next_page": next_page(request, notices, more=len(found) > _PAGE),
    }
    return render(request, "dashboard/notices/list.html", context)


@login_required
@require_POST
def read(request: PageRequest) -> HttpResponse:
    inbox.read_all(request.user.pk, now=clock.now())
    return redirect("dashboard:notices")


@login_required
@require_http_methods(["GET", "POST"])
def choose(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        told = set(request.POST.getlist("way"))
        wanted = [
            (kind, channel)
            for kind in CHOOSABLE
            for channel in Channel
            if f"{kind}:{channel}" in told
        ]
        choices.save(user_id=request.user.pk, wanted=wanted)
        messages.success(request, _("Your choices are saved."))
        return redirect("dashboard:notice-choices")
    chosen = choices.wanted(request.user.pk)
    context = {
        "tab": "notices",
        "rows": [ChoiceRow(kind=kind, wanted=chosen) for kind in CHOOSABLE],
    }
    return render(request, "dashboard/settings/notices.html", context)
