"""Tickets at the desk: the queue, one with its orders beside it, and kept answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors
from relaypanel.accounts import audit_log
from relaypanel.accounts.models import Section
from relaypanel.look import attachments
from relaypanel.look.numbers import number, numbers
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.tickets import staff, thread
from relaypanel.tickets.models import State

_STATES = [
    ("", gettext_lazy("All")),
    ("open", pgettext_lazy("ticket state", "Open")),
    ("answered", pgettext_lazy("ticket state", "Answered")),
    ("closed", pgettext_lazy("ticket state", "Closed")),
]


class Filter(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("Number, customer or subject"), required=False, max_length=120
    )
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False, choices=_STATES)
    mine = forms.BooleanField(label=gettext_lazy("Mine alone"), required=False)


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    form = Filter(request.GET)
    told = form.cleaned_data if form.is_valid() else {}
    found = staff.queue(
        state=State(told["state"]) if told.get("state") else None,
        assignee_id=request.user.pk if told.get("mine") else None,
        search=told.get("q", ""),
        after=request.GET.get("after", ""),
    )
    context = {
        "form": form,
        "page": found,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "may_edit": request.rights.may_edit(Section.TICKETS),
    }
    return render(request, "staff/tickets/page.html", context)


@require_GET
def one(request: DeskRequest, ticket_id: int) -> HttpResponse:
    return _one(request, ticket_id)


@require_POST
def answer(request: DeskRequest, ticket_id: int) -> HttpResponse:
    """Answer the customer, or write a note among staff."""
    text, is_note = request.POST.get("text", ""), request.POST.get("as") == "note"
    act = staff.note if is_note else staff.answer

    def write() -> dict[str, Any]:
        said = act(ticket_id=ticket_id, author_id=request.user.pk, text=text, now=clock.now())
        return {"message": said.pk}

    try:
        _done(request, "ticket.note" if is_note else "ticket.answer", ticket_id, write)
    except thread.NoSuchTicket:
        raise Http404 from None
    except errors.Refused as refused:
        return _one(request, ticket_id, text=text, refused=refusals.words(refused))
    return redirect("staff:ticket", ticket_id)


@require_POST
def assign(request: DeskRequest, ticket_id: int) -> HttpResponse:
    assignee_id = number(request.POST.get("assignee", ""))

    def write() -> dict[str, Any]:
        staff.assign(ticket_id=ticket_id, assignee_id=assignee_id)
        return {"assignee": assignee_id}

    try:
        _done(request, "ticket.assign", ticket_id, write)
    except thread.NoSuchTicket:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    return redirect("staff:ticket", ticket_id)


@require_POST
def close(request: DeskRequest) -> HttpResponse:
    """Close every ticket that was ticked."""
    ticket_ids = numbers(request.POST.getlist("ticket"))
    try:
        with transaction.atomic():
            closed = staff.close(ticket_ids=ticket_ids, author_id=request.user.pk, now=clock.now())
            for ticket_id in closed:
                _record(request, "ticket.close", ticket_id, {"state": "closed"})
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        words = ngettext(
            "%(count)d ticket is closed.", "%(count)d tickets are closed.", len(closed)
        )
        messages.success(request, words % {"count": len(closed)})
    return redirect("staff:tickets")


@require_GET
def templates(request: DeskRequest) -> HttpResponse:
    return _templates(request)


@require_POST
def keep_template(request: DeskRequest) -> HttpResponse:
    """Keep an answer, new or changed, or drop it."""
    template_id = number(request.POST.get("template", ""))
    title, text = request.POST.get("title", ""), request.POST.get("text", "")
    is_drop = request.POST.get("act") == "drop" and template_id is not None

    def write() -> dict[str, Any]:
        if is_drop and template_id is not None:
            staff.drop_template(template_id)
        else:
            staff.keep_template(title=title, text=text, template_id=template_id)
        return {"title": title}

    act = "ticket_template.drop" if is_drop else "ticket_template.keep"
    try:
        _done(request, act, template_id or 0, write)
    except errors.Refused as refused:
        return _templates(request, title=title, text=text, refused=refusals.words(refused))
    return redirect("staff:ticket-templates")


def _done(
    request: DeskRequest, act: str, subject_id: int, write: Callable[[], dict[str, Any]]
) -> None:
    """Act, and write who did it in the same transaction."""
    with transaction.atomic():
        _record(request, act, subject_id, write())


def _record(request: DeskRequest, act: str, subject_id: int, after: dict[str, Any]) -> None:
    audit_log.record(
        by=request.actor,
        act=act,
        subject=(act.partition(".")[0], subject_id),
        after=after,
        now=clock.now(),
    )


def _one(request: DeskRequest, ticket_id: int, **extra: object) -> HttpResponse:
    try:
        ticket, said = staff.read(ticket_id)
    except thread.NoSuchTicket:
        raise Http404 from None
    kept = staff.templates()
    chosen = request.GET.get("template", "")
    context = {
        "ticket": ticket,
        "said": attachments.said(said, now=clock.now()),
        "orders": ticket.orders.select_related("service").order_by("-pk")
        if request.rights.may_view(Section.ORDERS)
        else [],
        "staff": staff.staff(),
        "templates": kept,
        "text": next((one.text for one in kept if str(one.pk) == chosen), ""),
        "may_edit": request.rights.may_edit(Section.TICKETS),
    }
    return render(request, "staff/tickets/one.html", context | extra)


def _templates(request: DeskRequest, **extra: object) -> HttpResponse:
    context = {
        "templates": staff.templates(),
        "may_edit": request.rights.may_edit(Section.TICKETS),
    }
    return render(request, "staff/tickets/templates.html", context | extra)
