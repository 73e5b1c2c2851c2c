"""Top-ups: what customers say they have sent, confirmed once or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors
from relaypanel.accounts import audit_log
from relaypanel.accounts.models import Section
from relaypanel.look.keyset import next_page, row_id
from relaypanel.payments import finder, topup
from relaypanel.payments.finder import Wanted
from relaypanel.payments.models import State, TopUp
from relaypanel.payments.topup import ARROWS, Decider
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.staff.templatetags.desk import TOPUPS

# "All" is a tab too; without a choice what waits for staff is shown.
_ALL: Final = "all"
_ALL_WORDS: Final = pgettext_lazy("top-ups", "All")
_SEARCH_CHARACTERS_MAX: Final = 254
_ENTRIES_SHOWN: Final = 20
# Why no money was added, as staff most often have to say it.
REASONS: Final = (
    gettext_lazy("We looked for this transfer and could not find it."),
    gettext_lazy("Another amount came in than the one you asked for."),
    gettext_lazy("The transfer came without its reference, so we cannot tell whose it is."),
)


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    text = request.GET.get("q", "").replace("\0", "").strip()[:_SEARCH_CHARACTERS_MAX]
    tab = request.GET.get("state") or (_ALL if text else State.PAID.value)
    if tab not in (_ALL, *State.values):
        raise Http404
    wanted = Wanted(state=None if tab == _ALL else State(tab), text=text)
    found = finder.page(wanted, past_id=row_id(request, "past"))
    rows = found[: finder.PAGE]
    context = {
        "rows": rows,
        "tab": tab,
        "tabs": [*((key, words) for key, (_c, words) in TOPUPS.items()), (_ALL, _ALL_WORDS)],
        "text": text,
        "next_page": next_page(request, rows, more=len(found) > len(rows), name="past"),
    }
    return render(request, "staff/topups/page.html", context)


@require_GET
def one(request: DeskRequest, topup_id: int) -> HttpResponse:
    return _one(request, topup_id)


@require_POST
def confirm(request: DeskRequest, topup_id: int) -> HttpResponse:
    by = Decider(staff=request.actor)
    return _decide(
        request,
        topup_id,
        lambda: topup.confirm(topup_id=topup_id, by=by, now=clock.now()),
        _("The money is on the balance, and the customer is told."),
    )


@require_POST
def reject(request: DeskRequest, topup_id: int) -> HttpResponse:
    by, reason = Decider(staff=request.actor), request.POST.get("reason", "")
    return _decide(
        request,
        topup_id,
        lambda: topup.reject(topup_id=topup_id, by=by, reason=reason, now=clock.now()),
        _("Nothing was added, and the customer is told why."),
    )


def _decide(
    request: DeskRequest, topup_id: int, act: Callable[[], TopUp], done: str
) -> HttpResponse:
    try:
        act()
    except topup.TopUpNotFound:
        raise Http404 from None
    except topup.ReasonNeeded as refused:
        reason = request.POST.get("reason", "")
        return _one(request, topup_id, reason=reason, reason_error=refusals.words(refused))
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, done)
    return redirect("staff:topup", topup_id)


def _one(request: DeskRequest, topup_id: int, **extra: object) -> HttpResponse:
    found = finder.one(topup_id)
    if found is None:
        raise Http404
    may_edit, ends = request.rights.may_edit(Section.MONEY), ARROWS[State(found.state)]
    of_topup = audit_log.Wanted(subject_kind="topup", subject_id=str(topup_id))
    context = {
        "topup": found,
        "others": finder.others(found),
        "may_confirm": may_edit and State.CONFIRMED in ends,
        "may_reject": may_edit and State.REJECTED in ends,
        "reasons": REASONS,
        "entries": audit_log.page(of_topup)[:_ENTRIES_SHOWN]
        if request.rights.may_view(Section.AUDIT_LOG)
        else [],
    }
    return render(request, "staff/topups/one.html", context | extra)
