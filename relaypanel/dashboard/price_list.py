"""What is for sale at the reader's rates, and what changed of it.  For visitors too."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_POST

from relaypanel.catalogue import favourites, history, search
from relaypanel.catalogue.models import News
from relaypanel.catalogue.search import Wanted
from relaypanel.contract import OrderType
from relaypanel.look.keyset import before_id, row_id
from relaypanel.look.page import PageRequest, back
from relaypanel.orders import speed
from relaypanel.storefront import texts
from relaypanel.storefront.models import TextPage


@require_GET
def services(request: PageRequest) -> HttpResponse:
    wanted, user_id = _wanted(request), _user_id(request)
    found = search.page(wanted=wanted, user_id=user_id, after=row_id(request, "after"))
    stock = search.stock()
    speeds = speed.of([service.id for service in found.services])
    context = {
        "wanted": wanted,
        "rows": [(service, speeds.get(service.id)) for service in found.services],
        "count": stock.count
        if wanted == Wanted()
        else search.count(wanted=wanted, user_id=user_id),
        "after": found.after,
        "shelves": stock.shelves,
    }
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "dashboard/price_list/_found.html", context | {"is_part": True})
    else:
        words = texts.of(page=TextPage.SERVICES, language=get_language() or "")
        context |= {"types": stock.types, "words": words}
        response = render(request, "dashboard/price_list/page.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@login_required
@require_POST
def favourite(request: PageRequest, service_id: int) -> HttpResponse:
    """Keep or drop a favourite, as the form says: a repeated click changes nothing more."""
    is_favourite = request.POST.get("keep") == "yes"
    try:
        if is_favourite:
            favourites.add(user_id=request.user.pk, service_id=service_id)
        else:
            favourites.remove(user_id=request.user.pk, service_id=service_id)
    except favourites.NotForSale as refused:
        raise Http404 from refused
    if request.htmx:
        context = {"service_id": service_id, "is_favourite": is_favourite}
        return render(request, "dashboard/price_list/_favourite.html", context)
    return back(request, otherwise=reverse("dashboard:services"))


@require_GET
def updates(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    chosen = News(kind) if kind in News.values else None
    found = history.page(before_id=before_id(request), kind=chosen)
    context = {
        "updates": history.as_paid(found.updates, user_id=_user_id(request)),
        "before": found.before_id,
        "kind": chosen,
    }
    return render(request, "dashboard/price_list/updates.html", context)


def _wanted(request: HttpRequest) -> Wanted:
    """Return what the address asks for; what it asks for in vain is left out."""
    query = request.GET
    asked_type = query.get("type", "")
    return Wanted(
        text=query.get("q", ""),
        platform_id=row_id(request, "platform"),
        category_id=row_id(request, "category"),
        type=OrderType(asked_type) if asked_type in OrderType.__members__.values() else None,
        refill="refill" in query,
        cancel="cancel" in query,
        dripfeed="dripfeed" in query,
        favourites="favourites" in query,
    )


def _user_id(request: HttpRequest) -> int | None:
    return request.user.pk if request.user.is_authenticated else None
