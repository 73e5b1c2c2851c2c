"""The catalogue: services found, changed one by one or together, and what fulfils each."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, money
from relaypanel.catalogue import inventory, rates, routes, staff
from relaypanel.catalogue.models import Route, Service, Visibility
from relaypanel.catalogue.staff import Changes
from relaypanel.contract import OrderType
from relaypanel.errors import Refused
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.numbers import numbers
from relaypanel.orders import quality
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest, acting
from relaypanel.staff.service_forms import (
    BulkForm,
    Filter,
    NewForm,
    OfferForm,
    RouteForm,
    ServiceForm,
)


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    return _page(request, BulkForm())


@require_POST
def bulk(request: DeskRequest) -> HttpResponse:
    """Change what is ticked, or all that is found; all of it or none."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    ids = _picked(request)
    if not ids:
        form.add_error(None, _("Pick at least one service."))
        return _page(request, form)
    told = form.cleaned_data
    changed = {
        "percent": str(told["percent"] or ""),
        "amount": money.text(told["amount"]) if told["amount"] else "",
        "visibility": told["visibility"],
    }
    try:
        with acting(request, "catalogue.change_many", ("services", f"{len(ids)}")) as change:
            done = staff.change_many(
                service_ids=ids, to=lambda service: _bulk_changes(service, told), now=clock.now()
            )
            change.after = changed | {"ids": ids, "category": str(told["category"] or "")}
    except Refused as refused:
        form.add_error(None, refusals.words(refused))
        return _page(request, form)
    messages.success(
        request,
        ngettext("%(count)s service is changed.", "%(count)s services are changed.", done)
        % {"count": done},
    )
    return redirect(f"{request.path.removesuffix('/bulk')}?{request.GET.urlencode()}")


def _bulk_changes(service: Service, told: dict[str, Any]) -> Changes:
    changes: Changes = {}
    if told["percent"] or told["amount"]:
        changes["rate_e8"] = staff.repriced(
            service.rate_e8, percent=told["percent"] or Decimal(0), amount_e8=told["amount"]
        )
    if told["category"]:
        changes["category_id"] = told["category"].pk
    if told["visibility"]:
        changes["visibility"] = Visibility(told["visibility"])
    return changes


def _picked(request: DeskRequest) -> list[int]:
    if request.POST.get("all") == "yes":
        return inventory.ids(Filter(request.GET).wanted(), limit=staff.AT_ONCE_MAX + 1)
    return numbers(request.POST.getlist("pick"))


def _page(request: DeskRequest, form: BulkForm) -> HttpResponse:
    filter_ = Filter(request.GET)
    found = inventory.page(filter_.wanted(), before_id=before_id(request))
    services = found[: inventory.PAGE]
    context = {
        "filter": filter_,
        "form": form,
        "services": services,
        "is_filtered": any(request.GET.get(name) for name in filter_.fields),
        "next_page": next_page(request, services, more=len(found) > len(services)),
        "at_once_max": staff.AT_ONCE_MAX,
    }
    return render(request, "staff/catalogue/page.html", context)


def new(request: DeskRequest) -> HttpResponse:
    """Make a service that staff deliver by hand."""
    form = NewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        try:
            rate_e8 = rates.parse(told.pop("rate").strip())
            with acting(request, "catalogue.create", ("service", told["name"][:64])) as change:
                service = staff.create(
                    category_id=told.pop("category").pk,
                    type=OrderType(told.pop("type")),
                    rate_e8=rate_e8,
                    now=clock.now(),
                    **told,
                )
                change.after = {"service": service.pk, "rate": money.text(rate_e8)}
        except Refused as refused:
            form.add_error(_field(refused), refusals.words(refused))
        else:
            messages.success(request, _("The service is for sale."))
            return redirect("staff:service", service.pk)
    return render(request, "staff/catalogue/new.html", {"form": form})


@require_GET
def one(request: DeskRequest, service_id: int) -> HttpResponse:
    return _one(request, _known(service_id))


@require_POST
def change(request: DeskRequest, service_id: int) -> HttpResponse:
    service, form = _known(service_id), ServiceForm(request.POST)
    offer = None if service.routes.exists() else OfferForm(request.POST)
    if not form.is_valid() or (offer and not offer.is_valid()):
        return _one(request, service, form=form, offer_form=offer)
    before = _told(service)
    try:
        with acting(request, "catalogue.change", ("service", service.pk)) as change:
            changes = _changes(service, form.cleaned_data | (offer.cleaned_data if offer else {}))
            service = staff.change(service_id=service.pk, now=clock.now(), **changes)
            change.before, change.after = before, _told(service)
    except Refused as refused:
        form.add_error(_field(refused), refusals.words(refused))
        return _one(request, service, form=form, offer_form=offer)
    messages.success(request, _("Saved."))
    return redirect("staff:service", service.pk)


def _changes(service: Service, told: dict[str, Any]) -> Changes:
    """Return what is new of what was told: what is set is locked, and all else stays free."""
    wanted = {name: told[name] for name in told if name not in ("rate", "category", "visibility")}
    wanted["category_id"] = told["category"].pk
    wanted["rate_e8"] = rates.parse(told["rate"].strip())
    if told["visibility"]:
        wanted["visibility"] = Visibility(told["visibility"])
    found = {name: value for name, value in wanted.items() if value != getattr(service, name)}
    if "min" in found or "max" in found:
        found |= {"min": wanted["min"], "max": wanted["max"]}
    changes: Changes = found  # type: ignore[assignment]
    return changes


@require_POST
def add_route(request: DeskRequest, service_id: int) -> HttpResponse:
    service, form = _known(service_id), RouteForm(request.POST)
    if not form.is_valid():
        return _one(request, service, route_form=form)
    told = form.cleaned_data
    try:
        with acting(request, "route.add", ("service", service.pk)) as change:
            routes.add(
                service=service,
                provider_id=told["provider"].pk,
                upstream_id=told["upstream_id"],
                now=clock.now(),
            )
            change.after = {"provider": told["provider"].name, "id": told["upstream_id"]}
    except Refused as refused:
        form.add_error("upstream_id", refusals.words(refused))
        return _one(request, service, route_form=form)
    messages.success(request, _("Saved."))
    return redirect("staff:service", service.pk)


@require_POST
def act_on_route(request: DeskRequest, service_id: int, route_id: int) -> HttpResponse:
    service = _known(service_id)
    route = service.routes.filter(pk=route_id).first()
    if route is None:
        raise Http404
    act = request.POST.get("act", "")
    try:
        with acting(request, f"route.{act[:20]}", ("service", service.pk)) as change:
            change.before = {"route": str(route)}
            _do(act, route, cost_max=request.POST.get("cost_max", ""))
            if act == "limit":
                change.after = {"cost_max_e8": route.cost_max_e8}
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("Saved."))
    return redirect("staff:service", service.pk)


def _do(act: str, route: Route, *, cost_max: str) -> None:
    now = clock.now()
    if act == "first":
        routes.first(route, now=now)
    elif act == "remove":
        routes.remove(route, now=now)
    elif act == "limit":
        cost_max = cost_max.strip()
        routes.limit(route, cost_max_e8=rates.parse(cost_max) if cost_max else None, now=now)
    elif act in ("on", "off"):
        routes.switch(route, enabled=act == "on", now=now)
    else:
        raise Http404


def _one(request: DeskRequest, service: Service, **extra: object) -> HttpResponse:
    found = list(routes.of(service))
    context: dict[str, object] = {
        "service": service,
        "routes": found,
        "quality": quality.of(service.pk),
        "form": ServiceForm(initial=_initial(service)),
        "offer_form": None if found else OfferForm(initial=_initial(service)),
        "route_form": RouteForm(),
    }
    told = {name: value for name, value in extra.items() if value is not None}
    return render(request, "staff/catalogue/one.html", context | told)


def _initial(service: Service) -> dict[str, Any]:
    names = ("name", "description", "rate_locked", "name_locked", "one_order_per_link")
    offered = ("auto_refill", "refill_after_hours", *OfferForm.base_fields)
    told = {name: getattr(service, name) for name in (*names, *offered)}
    return told | {"category": service.category_id, "rate": money.text(service.rate_e8)}


def _told(service: Service) -> dict[str, Any]:
    return _initial(service) | {"visibility": service.visibility}


def _field(refused: Refused) -> str | None:
    return "rate" if refused.code in ("bad_rate", "not_paid_for") else None


def _known(service_id: int) -> Service:
    rows = Service.objects.select_related("category__platform")
    service = rows.filter(pk=service_id).first()
    if service is None:
        raise Http404
    return service
