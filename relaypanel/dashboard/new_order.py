"""New order: a way to the service, the form of its type, and its exact price before it is paid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from relaypanel import clock
from relaypanel.catalogue import search
from relaypanel.catalogue.search import Found, Wanted
from relaypanel.dashboard import refusals
from relaypanel.dashboard.order_form import REF_PREFIX, OrderForm, new_ref
from relaypanel.errors import Refused
from relaypanel.ledger.book import NotEnoughFunds
from relaypanel.look.numbers import number
from relaypanel.look.page import PageRequest
from relaypanel.orders import history, place, requests, speed
from relaypanel.orders.models import DripFeed
from relaypanel.orders.place import OrderRequest, Quote

SEARCH_MAX: Final = 200
FOUND_MAX: Final = 40
# A list to choose from that is longer than this is nothing to choose from.
CATEGORY_MAX: Final = 500
_REF: Final = re.compile(re.escape(REF_PREFIX) + r"[\w-]{8,40}", re.ASCII)
# Stands for the link until there is one, because the price does not depend on it.
_ANY_LINK: Final = "https://example.com"


@login_required
@require_http_methods(["GET", "POST"])
def page(request: PageRequest) -> HttpResponse:
    return _order(request) if request.method == "POST" else _draw(request)


@login_required
@require_POST
def quote(request: PageRequest) -> HttpResponse:
    """Return what the form would cost as it is filled in now."""
    item = _service(request, request.POST.get("service", ""))
    if item is None:
        raise Http404
    form = OrderForm(item, _posted(request))
    return render(request, "dashboard/new_order/_quote.html", _priced(request, item, form.raw))


def _draw(request: PageRequest) -> HttpResponse:
    initial = _again(request)
    item = _service(request, initial.get("service") or request.GET.get("service", ""))
    if initial and item is None:
        messages.warning(request, _("This service is not for sale now. Choose another one."))
    form = OrderForm(item, None, initial=initial) if item else None
    priced = _priced(request, item, initial) if item and initial else {}
    return _page(request, item, {"form": form, "client_ref": new_ref()} | priced)


def _order(request: PageRequest) -> HttpResponse:
    """Place the order at the price that was shown; without one, show it first."""
    item = _service(request, request.POST.get("service", ""))
    if item is None:
        messages.error(request, refusals.words(place.IncorrectService()))
        return redirect("dashboard:new-order")
    form, ref = OrderForm(item, _posted(request)), request.POST.get("client_ref", "")
    shown_e8 = number(request.POST.get("price", ""))
    wanted = OrderRequest(
        user_id=request.user.pk,
        service_id=item.id,
        fields=form.raw,
        client_ref=ref if _REF.fullmatch(ref) else new_ref(),
        price_max_e8=shown_e8,
    )
    if shown_e8 is None:
        return _shown(request, item, form, wanted)
    (verdict,) = place.place(requests=[wanted], now=clock.now())
    if isinstance(verdict, Refused):
        return _refused(request, item, form, wanted, verdict)
    messages.success(request, _("Order %(id)s is placed.") % {"id": verdict.pk})
    return redirect("dashboard:order", verdict.pk)


def _shown(
    request: PageRequest, item: Found, form: OrderForm, wanted: OrderRequest
) -> HttpResponse:
    """Answer a form that came without a price, as it does without script."""
    asked = OrderRequest(user_id=wanted.user_id, service_id=wanted.service_id, fields=wanted.fields)
    (verdict,) = place.preview(requests=[asked], now=clock.now())
    if isinstance(verdict, Refused):
        return _refused(request, item, form, wanted, verdict)
    context = _priced(request, item, form.raw) | {"is_to_check": True}
    return _page(request, item, {"form": form, "client_ref": wanted.client_ref} | context)


def _refused(
    request: PageRequest, item: Found, form: OrderForm, wanted: OrderRequest, refused: Refused
) -> HttpResponse:
    form.refuse(refusals.field(refused), refusals.words(refused))
    ref = new_ref() if isinstance(refused, place.ClientRefReused) else wanted.client_ref
    context = {
        "form": form,
        "client_ref": ref,
        "lacks_funds": isinstance(refused, NotEnoughFunds),
    }
    # The words of the refusal stand beside their field, so that only the price is left to say.
    priced = _priced(request, item, form.raw) | {"words": ""}
    return _page(request, item, context | priced)


def _page(request: PageRequest, service: Found | None, extra: Mapping[str, Any]) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:SEARCH_MAX]
    likes = request.GET.get("favourites") == "yes"
    found = None
    if text or likes:
        wanted = Wanted(text=text, favourites=likes)
        found = search.page(wanted=wanted, user_id=request.user.pk, limit=FOUND_MAX).services
    context = {"text": text, "likes": likes, "found": found, "item": service}
    if service is not None:
        context["speed"] = speed.of([service.id]).get(service.id)
    return render(
        request,
        "dashboard/new_order/page.html",
        context | _way(request, service) | dict(extra),
    )


def _way(request: PageRequest, service: Found | None) -> dict[str, Any]:
    """Return the platforms, the categories of one of them, and the services of one of those.

    The way leads to the service that was chosen, else to what was asked for, else to the first.
    """
    shelves = search.stock().shelves
    category_id = service.category_id if service else number(request.GET.get("category", ""))
    platform_id = number(request.GET.get("platform", ""))
    shelf = next(
        (s for s in shelves if category_id in dict(s.categories)),
        next((s for s in shelves if s.platform_id == platform_id), next(iter(shelves), None)),
    )
    categories = dict(shelf.categories) if shelf else {}
    if category_id not in categories:
        category_id = next(iter(categories), None)
    wanted = Wanted(category_id=category_id)
    items = search.page(wanted=wanted, user_id=request.user.pk, limit=CATEGORY_MAX).services
    return {
        "shelves": shelves,
        "shelf": shelf,
        "category_id": category_id,
        "items": items if category_id else [],
    }


def _service(request: PageRequest, text: str) -> Found | None:
    """Return the service that is asked for, unless another category was chosen beside it."""
    service_id, category_id = number(text), number(request.GET.get("category", ""))
    found = search.one(service_id=service_id, user_id=request.user.pk) if service_id else None
    if found is None or category_id not in (None, found.category_id):
        return None
    return found


def _again(request: PageRequest) -> dict[str, str]:
    """Return what an earlier order of this user was filled in with, {} without one."""
    order_id = number(request.GET.get("again", ""))
    if order_id is None:
        return {}
    try:
        order = history.one(user_id=request.user.pk, order_id=order_id)
    except requests.OrderNotFound:
        raise Http404 from None
    filled = {"service": str(order.service_id), "link": order.link, **order.fields}
    feed = DripFeed.objects.filter(pk=order.pk).first()
    if feed is not None:
        filled |= {"runs": str(feed.runs), "interval": str(feed.interval_minutes)}
    return filled | {"quantity": str(order.quantity)}


def _priced(request: PageRequest, item: Found, raw: Mapping[str, str]) -> dict[str, Any]:
    """Return the price of what is filled in, or the words of what is in its way."""
    fields = dict(raw)
    if not fields.get("link", "").strip():
        fields["link"] = _ANY_LINK
    asked = OrderRequest(user_id=request.user.pk, service_id=item.id, fields=fields)
    (verdict,) = place.preview(requests=[asked], now=clock.now())
    if isinstance(verdict, Quote):
        return {
            "quote": verdict,
            "price_e8": verdict.price_e8,
            "has_price": True,
            "is_per_post": verdict.post_e8 > 0,
        }
    name = refusals.field(verdict)
    is_unfilled = bool(name) and not raw.get(name, "").strip()
    lacks_funds = isinstance(verdict, NotEnoughFunds)
    return {
        "words": "" if is_unfilled else refusals.words(verdict),
        "price_e8": -verdict.change_e8 if isinstance(verdict, NotEnoughFunds) else 0,
        "has_price": lacks_funds,
        "lacks_funds": lacks_funds,
    }


def _posted(request: PageRequest) -> dict[str, str]:
    return {name: str(text) for name, text in request.POST.items()}
