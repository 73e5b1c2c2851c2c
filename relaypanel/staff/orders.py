"""Orders: found by what staff know of them, looked into, and moved by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors
from relaypanel.accounts import audit_log, users
from relaypanel.accounts.models import Section
from relaypanel.look import days
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.numbers import NUMBER_MAX, number, numbers
from relaypanel.orders import bulk, exchanges, finder, staff
from relaypanel.orders.finder import Wanted
from relaypanel.orders.models import ACTIVE, FINAL, Order, Status
from relaypanel.providers.models import Provider
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.staff.templatetags.desk import STATES


class Filter(forms.Form):
    status = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("Any")), *((key, told) for key, (_c, told) in STATES.items())],
    )
    service = forms.IntegerField(
        label=gettext_lazy("Service ID"), required=False, min_value=1, max_value=NUMBER_MAX
    )
    provider = forms.ChoiceField(label=gettext_lazy("Provider"), required=False)
    mode = forms.ChoiceField(
        label=pgettext_lazy("orders", "Fulfilled"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            ("provider", gettext_lazy("by a provider")),
            ("hand", gettext_lazy("by hand")),
        ],
    )
    customer = forms.CharField(label=gettext_lazy("Customer"), required=False, max_length=60)
    link = forms.CharField(label=gettext_lazy("Link"), required=False, max_length=2048)
    upstream = forms.CharField(label=gettext_lazy("Upstream ID"), required=False, max_length=40)
    since = forms.DateField(
        label=pgettext_lazy("day", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        label=pgettext_lazy("day", "To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = Provider.objects.order_by("name").values_list("pk", "name")
        choices = [("", _("Any")), *((str(pk), name) for pk, name in named)]
        self.fields["provider"].choices = choices  # type: ignore[attr-defined]


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    form = Filter(request.GET)
    wanted = _wanted(form)
    found = finder.page(wanted, before_id=before_id(request)) if wanted else []
    orders = found[: finder.PAGE]
    context = {
        "form": form,
        "orders": [(order, finder.margin_e8(order)) for order in orders],
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "states": [(key, words) for key, (_c, words) in STATES.items()],
        "acts": list(bulk.Act),
        "next_page": next_page(request, orders, more=len(found) > len(orders)),
    }
    return render(request, "staff/orders/page.html", context)


@require_GET
def find(request: DeskRequest) -> HttpResponse:
    """Lead to what the top bar was asked for: an order by its ID, a link or a customer."""
    text = request.GET.get("q", "").strip()
    order_id = number(text)
    if order_id is not None:
        return redirect("staff:order", order_id=order_id)
    name = "link" if "/" in text or "." in text else "customer"
    return HttpResponseRedirect(f"{reverse('staff:orders')}?{urlencode({name: text[:2048]})}")


@require_GET
def one(request: DeskRequest, order_id: int) -> HttpResponse:
    return _one(request, _found(order_id))


@require_POST
def act(request: DeskRequest) -> HttpResponse:
    """Do one thing to the orders that are ticked."""
    try:
        wanted = bulk.Act(request.POST.get("act", ""))
    except ValueError:
        messages.error(request, _("Choose what to do with the orders."))
        return _back(request)
    order_ids = numbers(request.POST.getlist("order"))
    if not order_ids:
        messages.error(request, _("Tick the orders first."))
        return _back(request)
    remains = number(request.POST.get("remains", "").strip())
    if wanted is bulk.Act.PARTIAL and remains is None:
        messages.error(request, _("Say how many pieces remain undelivered: a whole number."))
        return _back(request)
    try:
        outcome = bulk.run(
            act=wanted,
            order_ids=order_ids,
            by=request.actor,
            now=clock.of_database(),
            remains=remains if wanted is bulk.Act.PARTIAL else None,
        )
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
        return _back(request)
    _tell(request, outcome)
    return _back(request)


@require_POST
def change_link(request: DeskRequest, order_id: int) -> HttpResponse:
    text = request.POST.get("link", "")
    try:
        staff.change_link(order_id=order_id, link=text, by=request.actor, now=clock.of_database())
    except staff.NoSuchOrder:
        raise Http404 from None
    except errors.Refused as refused:
        return _one(request, _found(order_id), link=text, link_error=refusals.words(refused))
    messages.success(request, _("The order goes to the new link."))
    return redirect("staff:order", order_id=order_id)


def _wanted(form: Filter) -> Wanted | None:
    """Return what to look for; None: nothing can be found."""
    if not form.is_valid():
        return None
    told = form.cleaned_data
    user_id = None
    if told["customer"]:
        try:
            user_id = users.named(told["customer"]).pk
        except users.NoSuchUser:
            return None
    return Wanted(
        statuses=[Status(told["status"])] if told["status"] else (),
        service_id=told["service"],
        provider_id=int(told["provider"]) if told["provider"] else None,
        by_hand=told["mode"] == "hand" if told["mode"] else None,
        user_id=user_id,
        link=told["link"].strip(),
        upstream_id=told["upstream"].strip(),
        since=days.begin(told["since"]) if told["since"] else None,
        until=days.end(told["until"]) if told["until"] else None,
    )


def _one(request: DeskRequest, order: Order, **extra: object) -> HttpResponse:
    sees_exchange = request.rights.may_view(Section.PROVIDERS) and request.rights.may_view(
        # A provider may say what it charges.
        Section.MONEY
    )
    sees_log = request.rights.may_view(Section.AUDIT_LOG)
    of_order = audit_log.Wanted(subject_kind="order", subject_id=str(order.pk))
    context = {
        "order": order,
        "cost_e8": finder.cost_e8(order),
        "margin_e8": finder.margin_e8(order),
        "timeline": finder.timeline(order),
        "children": finder.children(order),
        "refills": order.refills.order_by("-pk"),
        "entries": audit_log.page(of_order) if sees_log else [],
        "sees_exchange": sees_exchange,
        "exchanges": exchanges.of(order) if sees_exchange else [],
        "taken": exchanges.taken(order) if sees_exchange else {},
        "is_final": order.status in FINAL,
        "is_active": order.status in ACTIVE,
        "may_change_link": order.status in (Status.QUEUED, Status.HELD)
        and not order.may_be_upstream,
        "link": order.link,
    }
    return render(request, "staff/orders/one.html", context | extra)


def _found(order_id: int) -> Order:
    order = finder.one(order_id)
    if order is None:
        raise Http404
    return order


def _tell(request: DeskRequest, outcome: bulk.Outcome) -> None:
    count = len(outcome.done)
    if count:
        words = ngettext("%(count)d order is done.", "%(count)d orders are done.", count)
        messages.success(request, words % {"count": count})
    for order_id, refused in list(outcome.refused.items())[:10]:
        words = _("Order %(id)d: %(why)s") % {"id": order_id, "why": refusals.words(refused)}
        messages.error(request, words)
    left = len(outcome.refused) - 10
    if left > 0:
        messages.error(request, _("And %(count)d more were left as they are.") % {"count": left})


def _back(request: DeskRequest) -> HttpResponse:
    """Return to the page that the form stood on: the list with its filters, or one order."""
    order_id = number(request.POST.get("from", ""))
    if order_id is not None:
        return redirect("staff:order", order_id=order_id)
    query = request.POST.get("query", "")
    return HttpResponseRedirect(f"{reverse('staff:orders')}{query and '?'}{query}")
