"""The pages where customers ask: the list, a new ticket, and one ticket with its thread."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relaypanel import clock
from relaypanel.dashboard import refusals
from relaypanel.dashboard.ticket_forms import Answer, Opening
from relaypanel.errors import Refused
from relaypanel.look import attachments
from relaypanel.look.page import PageRequest
from relaypanel.tickets import desk, thread
from relaypanel.tickets.models import State, Ticket


@login_required
@require_GET
def listed(request: PageRequest) -> HttpResponse:
    asked = request.GET.get("state", "")
    state = State(asked) if asked in State.values else None
    page = desk.listed(user_id=request.user.pk, state=state, after=request.GET.get("after", ""))
    context = {"page": page, "state": state, "states": State.values}
    return render(request, "dashboard/tickets/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    if request.method != "POST":
        form = Opening(initial={"orders": request.GET.get("order", "")[:200]})
        return render(request, "dashboard/tickets/new.html", {"form": form})
    form = Opening(request.POST, request.FILES)
    ticket = _opened(request, form) if form.is_valid() else None
    if ticket is None:
        return render(request, "dashboard/tickets/new.html", {"form": form})
    messages.success(request, _("We have your message. The answer comes here."))
    return redirect("dashboard:ticket", ticket.pk)


@login_required
@require_GET
def page(request: PageRequest, ticket_id: int) -> HttpResponse:
    return _page(request, ticket_id, Answer())


@login_required
@require_GET
def live(request: PageRequest, ticket_id: int) -> HttpResponse:
    """Answer with the thread as it is now, or with nothing when it is as the reader has seen it."""
    try:
        ticket = desk.find(user_id=request.user.pk, ticket_id=ticket_id)
    except thread.NoSuchTicket:
        raise Http404 from None
    if thread.mark(ticket) == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "dashboard/tickets/_thread.html", _thread(request, ticket_id))


@login_required
@require_POST
def answer(request: PageRequest, ticket_id: int) -> HttpResponse:
    form = Answer(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, ticket_id, form)
    try:
        desk.answer(
            user_id=request.user.pk,
            ticket_id=ticket_id,
            text=form.cleaned_data["text"],
            uploads=form.cleaned_data["pictures"],
            now=clock.now(),
        )
    except thread.NoSuchTicket:
        raise Http404 from None
    except Refused as refused:
        form.refuse(refused)
        return _page(request, ticket_id, form)
    return redirect("dashboard:ticket", ticket_id)


@login_required
@require_POST
def close(request: PageRequest, ticket_id: int) -> HttpResponse:
    try:
        desk.close(user_id=request.user.pk, ticket_id=ticket_id, now=clock.now())
        messages.success(request, _("The ticket is closed. Writing in it opens it again."))
    except thread.NoSuchTicket:
        raise Http404 from None
    except desk.AlreadyClosed as refused:
        messages.info(request, refusals.words(refused))
    return redirect("dashboard:ticket", ticket_id)


def _opened(request: PageRequest, form: Opening) -> Ticket | None:
    """Return the new ticket; None: the form says why there is none."""
    asked = form.cleaned_data
    try:
        return desk.open_ticket(
            user_id=request.user.pk,
            subject=asked["subject"],
            text=asked["text"],
            order_ids=asked["orders"],
            uploads=asked["pictures"],
            now=clock.now(),
        )
    except Refused as refused:
        form.refuse(refused)
        return None


def _page(request: PageRequest, ticket_id: int, form: Answer) -> HttpResponse:
    context = _thread(request, ticket_id) | {"form": form}
    ticket = context["ticket"]
    assert isinstance(ticket, Ticket)
    context["orders"] = ticket.orders.select_related("service").order_by("-pk")
    return render(request, "dashboard/tickets/thread.html", context)


def _thread(request: PageRequest, ticket_id: int) -> dict[str, object]:
    try:
        ticket, found = desk.read(user_id=request.user.pk, ticket_id=ticket_id)
    except thread.NoSuchTicket:
        raise Http404 from None
    return {
        "ticket": ticket,
        "said": attachments.said(found, now=clock.now()),
        "seen": thread.mark(ticket, said=found),
    }
