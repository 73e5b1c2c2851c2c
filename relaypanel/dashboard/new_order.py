"""New order: a way to the service, the form of its type, and its exact price before it is paid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from relaypanel import clock
from relaypanel.catalogue import menu
from relaypanel.catalogue.menu import Item
from relaypanel.dashboard import refusals
from relaypanel.dashboard.order_form import REF_PREFIX, OrderForm, new_ref
from relaypanel.errors import Refused
from relaypanel.ledger.book import NotEnoughFunds
from relaypanel.look.page import PageRequest
from relaypanel.orders import history, place, requests
from relaypanel.orders.history import ID_MAX
from relaypanel.orders.models import DripFeed
from relaypanel.orders.place import OrderRequest, Quote

SEARCH_MAX: Final = 200
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
    item = _item(request, request.POST.get("service", ""))
    if item is None:
        raise Http404
    form = OrderForm(item.service, _posted(request))
    return render(request, "dashboard/new_order/_quote.html", _priced(request, item, form.raw))


def _draw(request: PageRequest) -> HttpResponse:
    initial = _again(request)
    item = _item(request, initial.get("service") or request.GET.get("service", ""))
    if initial and item is None:
        messages.warning(request, _("This service is not for sale now. Choose another one."))
    form = OrderForm(item.service, None, initial=initial) if item else None
    priced = _priced(request, item, initial) if item and initial else {}
    return _page(request, item, {"form": form, "client_ref": new_ref()} | priced)


def _order(request: PageRequest) -> HttpResponse:
    """Place the order at the price that was shown; without one, show it first."""
    item = _item(request, request.POST.get("service", ""))
    if item is None:
        messages.error(request, refusals.words(place.IncorrectService()))
        return redirect("dashboard:new-order")
    form, ref = OrderForm(item.service, _posted(request)), request.POST.get("client_ref", "")
    shown_e8 = _number(request.POST.get("price", ""))
    wanted = OrderRequest(
        user_id=request.user.pk,
        service_id=item.service.pk,
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


def _shown(request: PageRequest, item: Item, form: OrderForm, wanted: OrderRequest) -> HttpResponse:
    """Answer a form that came without a price, as it does without script."""
    asked = OrderRequest(user_id=wanted.user_id, service_id=wanted.service_id, fields=wanted.fields)
    (verdict,) = place.preview(requests=[asked], now=clock.now())
    if isinstance(verdict, Refused):
        return _refused(request, item, form, wanted, verdict)
    context = _priced(request, item, form.raw) | {"is_to_check": True}
    return _page(request, item, {"form": form, "client_ref": wanted.client_ref} | context)


def _refused(
    request: PageRequest, item: Item, form: OrderForm, wanted: OrderRequest, refused: Refused
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


def _page(request: PageRequest, item: Item | None, extra: Mapping[str, Any]) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:SEARCH_MAX]
    found = menu.find(user_id=request.user.pk, text=text) if text else None
    context = {"text": text, "found": found, "item": item} | _way(request, item)
    return render(request, "dashboard/new_order/page.html", context | dict(extra))


def _way(request: PageRequest, item: Item | None) -> dict[str, Any]:
    """Return the platforms, the categories of one of them, and the services of one of those.

    The way leads to the service that was chosen, else to what was asked for, else to the first.
    """
    platforms = menu.platforms()
    at = item.service.category if item else None
    platform_id = _one_of(
        [one.pk for one in platforms], at.platform_id if at else request.GET.get("platform", "")
    )
    categories = menu.categories(platform_id) if platform_id else []
    category_id = _one_of(
        [one.pk for one in categories], at.pk if at else request.GET.get("category", "")
    )
    items = (
        menu.in_category(user_id=request.user.pk, category_id=category_id) if category_id else []
    )
    return {
        "platforms": platforms,
        "platform_id": platform_id,
        "categories": categories,
        "category_id": category_id,
        "items": items,
    }


def _one_of(ids: Sequence[int], asked: int | str) -> int | None:
    """Return the ID that is asked for if there is one, else the first."""
    wanted = asked if isinstance(asked, int) else _number(asked)
    return wanted if wanted in ids else next(iter(ids), None)


def _item(request: PageRequest, text: str) -> Item | None:
    """Return the service that is asked for, unless another category was chosen beside it."""
    service_id, category_id = _number(text), _number(request.GET.get("category", ""))
    item = menu.one(user_id=request.user.pk, service_id=service_id) if service_id else None
    if item is None or category_id not in (None, item.service.category_id):
        return None
    return item


def _again(request: PageRequest) -> dict[str, str]:
    """Return what an earlier order of this user was filled in with, {} without one."""
    order_id = _number(request.GET.get("again", ""))
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


def _priced(request: PageRequest, item: Item, raw: Mapping[str, str]) -> dict[str, Any]:
    """Return the price of what is filled in, or the words of what is in its way."""
    fields = dict(raw)
    if not fields.get("link", "").strip():
        fields["link"] = _ANY_LINK
    asked = OrderRequest(user_id=request.user.pk, service_id=item.service.pk, fields=fields)
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


def _number(text: str) -> int | None:
    is_number = re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) and int(text) <= ID_MAX
    return int(text) if is_number else None
