"""A customer's webhooks: which there are, what they are told, and what was delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relaypanel import clock, errors
from relaypanel.dashboard import refusals
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.page import PageRequest
from relaypanel.notices import kinds, webhooks
from relaypanel.notices.kinds import EVENTS, KINDS
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint, Kind

_PAGE: Final = 30
_STATES: Final[dict[str, tuple[str, str | Promise]]] = {
    DeliveryState.WAITING: ("pending", pgettext_lazy("delivery", "Waiting")),
    DeliveryState.DELIVERED: ("completed", pgettext_lazy("delivery", "Delivered")),
    DeliveryState.GIVEN_UP: ("wrong", pgettext_lazy("delivery", "Given up")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    delivery: Delivery

    @property
    def event(self) -> str:
        return KINDS[Kind(self.delivery.notice.kind)].event

    @property
    def title(self) -> str:
        notice = self.delivery.notice
        return kinds.title(Kind(notice.kind), notice.data)

    @property
    def colour(self) -> str:
        return _STATES[self.delivery.state][0]

    @property
    def words(self) -> str | Promise:
        return _STATES[self.delivery.state][1]

    @property
    def has_ended(self) -> bool:
        return self.delivery.state != DeliveryState.WAITING


@login_required
@require_http_methods(["GET", "POST"])
def page(request: PageRequest) -> HttpResponse:
    told: dict[str, object] = {"url": "", "chosen": list(EVENTS)}
    if request.method == "POST":
        url, chosen = request.POST.get("url", "").strip(), request.POST.getlist("event")
        try:
            endpoint, secret = webhooks.add(
                user_id=request.user.pk, url=url, events=chosen, now=clock.now()
            )
        except errors.Refused as refused:
            told = {"url": url, "chosen": chosen, **_said(refused)}
        else:
            messages.success(request, _("The webhook is added."))
            return _one(request, endpoint, secret=secret)
    rows = Endpoint.objects.filter(user=request.user).order_by("pk")
    context = {"tab": "webhooks", "webhooks": rows, "events": _events(), **told}
    return render(request, "dashboard/settings/webhooks.html", context)


@login_required
@require_GET
def one(request: PageRequest, endpoint_id: int) -> HttpResponse:
    return _one(request, _own(request, endpoint_id))


@login_required
@require_POST
def change(request: PageRequest, endpoint_id: int) -> HttpResponse:
    endpoint = _own(request, endpoint_id)
    url, chosen = request.POST.get("url", "").strip(), request.POST.getlist("event")
    try:
        webhooks.change(user_id=request.user.pk, endpoint_id=endpoint_id, url=url, events=chosen)
    except errors.Refused as refused:
        return _one(request, endpoint, url=url, chosen=chosen, **_said(refused))
    messages.success(request, _("The webhook is saved."))
    return redirect("dashboard:webhook", endpoint_id)


@login_required
@require_POST
def act(request: PageRequest, endpoint_id: int) -> HttpResponse:
    """Do what one of the buttons says."""
    endpoint, now, user_id = _own(request, endpoint_id), clock.now(), request.user.pk
    match request.POST.get("act"):
        case "test":
            webhooks.send_test(user_id=user_id, endpoint_id=endpoint_id, now=now)
            messages.success(request, _("A test is on its way. See below how it went."))
        case "on" | "off" as which:
            webhooks.turn(user_id=user_id, endpoint_id=endpoint_id, on=which == "on", now=now)
        case "secret":
            messages.success(request, _("The old secret signs nothing any more."))
            return _one(request, endpoint, secret=webhooks.renew_secret(endpoint))
        case "remove":
            webhooks.remove(user_id=user_id, endpoint_id=endpoint_id)
            messages.success(request, _("The webhook is removed."))
            return redirect("dashboard:webhooks")
    return redirect("dashboard:webhook", endpoint_id)


@login_required
@require_POST
def replay(request: PageRequest, endpoint_id: int, delivery_id: int) -> HttpResponse:
    try:
        webhooks.replay(
            user_id=request.user.pk,
            endpoint_id=endpoint_id,
            delivery_id=delivery_id,
            now=clock.now(),
        )
    except webhooks.WebhookNotFound:
        raise Http404 from None
    messages.success(request, _("It is sent again."))
    return redirect("dashboard:webhook", endpoint_id)


def _one(request: PageRequest, endpoint: Endpoint, **extra: object) -> HttpResponse:
    rows = Delivery.objects.filter(endpoint=endpoint).select_related("notice").order_by("-pk")
    before = before_id(request)
    found = list((rows.filter(pk__lt=before) if before else rows)[: _PAGE + 1])
    deliveries = found[:_PAGE]
    context = {
        "tab": "webhooks",
        "webhook": endpoint,
        "url": endpoint.url,
        "chosen": endpoint.events,
        "events": _events(),
        "rows": [Row(delivery=delivery) for delivery in deliveries],
        "next_page": next_page(request, deliveries, more=len(found) > _PAGE),
    }
    return render(request, "dashboard/settings/webhook.html", context | extra)


def _events() -> list[tuple[str, str | Promise]]:
    return [(event, KINDS[kind].label) for event, kind in EVENTS.items()]


def _said(refused: errors.Refused) -> dict[str, str]:
    """Return the refusal in words, under the name of what is wrong."""
    return {f"{refusals.field(refused)}_error": refusals.words(refused)}


def _own(request: PageRequest, endpoint_id: int) -> Endpoint:
    try:
        return webhooks.own(request.user.pk, endpoint_id)
    except webhooks.WebhookNotFound:
        raise Http404 from None
