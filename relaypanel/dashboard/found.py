"""What the search of the top bar finds: the user's orders, and services."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from relaypanel import clock
from relaypanel.catalogue import search
from relaypanel.catalogue.search import Wanted
from relaypanel.look.page import PageRequest
from relaypanel.orders import history, speed, standing

_SHOWN: Final = 8


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    text, user_id = request.GET.get("q", "").replace("\0", "").strip(), request.user.pk
    context: dict[str, object] = {"text": text}
    if text:
        orders = history.page(history.Wanted(user_id=user_id, text=text), size=_SHOWN)
        services = search.page(wanted=Wanted(text=text), user_id=user_id, limit=_SHOWN)
        speeds = speed.of([service.id for service in services.services])
        context |= {
            "rows": standing.of(orders.orders, now=clock.now()),
            "has_more_orders": orders.after is not None,
            "services": [(service, speeds.get(service.id)) for service in services.services],
            "has_more_services": services.after is not None,
        }
    return render(request, "dashboard/found/page.html", context)
