"""Drip-feeds and subscriptions: their lists, and the switches of a drip-feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock
from relaypanel.dashboard import refusals
from relaypanel.errors import Refused
from relaypanel.look.numbers import number
from relaypanel.look.page import PageRequest, back
from relaypanel.orders import refills as refill_list
from relaypanel.orders import requests, series, standing
from relaypanel.orders.models import FeedState

_FEED_TABS: Final = (
    ("", pgettext_lazy("orders", "All")),
    (FeedState.GOING.value, pgettext_lazy("drip-feed", "Going on")),
    (FeedState.PAUSED.value, pgettext_lazy("drip-feed", "Paused")),
    (FeedState.MADE.value, pgettext_lazy("drip-feed", "All runs made")),
    (FeedState.ENDED.value, pgettext_lazy("drip-feed", "Ended")),
)
_OPEN_TABS: Final = (
    ("", pgettext_lazy("orders", "All")),
    ("open", gettext_lazy("Running")),
    ("ended", pgettext_lazy("drip-feed", "Ended")),
)
_IS_OPEN: Final = {"open": True, "ended": False}


@login_required
@require_GET
def drip_feeds(request: PageRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    found = series.drip_feeds(
        user_id=request.user.pk,
        state=FeedState(state) if state in FeedState.values else None,
        after=number(request.GET.get("after", "")),
    )
    return _listed(request, "drip_feeds", found, _FEED_TABS)


@login_required
@require_GET
def subscriptions(request: PageRequest) -> HttpResponse:
    found = series.subscriptions(
        user_id=request.user.pk,
        is_open=_IS_OPEN.get(request.GET.get("state", "")),
        after=number(request.GET.get("after", "")),
    )
    return _listed(request, "subscriptions", found, _OPEN_TABS)


@login_required
@require_GET
def refills(request: PageRequest) -> HttpResponse:
    found = refill_list.page(
        user_id=request.user.pk,
        is_open=_IS_OPEN.get(request.GET.get("state", "")),
        after=number(request.GET.get("after", "")),
    )
    return _draw(request, "refills", {"refills": found.refills, "after": found.after}, _OPEN_TABS)


@login_required
@require_POST
def pause(request: PageRequest, order_id: int) -> HttpResponse:
    return _switch(request, order_id, series.pause, _("The drip-feed is paused."))


@login_required
@require_POST
def resume(request: PageRequest, order_id: int) -> HttpResponse:
    return _switch(request, order_id, series.resume, _("The drip-feed goes on."))


@login_required
@require_POST
def stop(request: PageRequest, order_id: int) -> HttpResponse:
    words = _("The drip-feed is stopped, and the runs that were left are refunded.")
    return _switch(request, order_id, series.stop, words)


def _switch(
    request: PageRequest, order_id: int, act: Callable[..., None], words: str
) -> HttpResponse:
    try:
        act(user_id=request.user.pk, order_id=order_id, now=clock.now())
    except requests.OrderNotFound:
        raise Http404 from None
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, words)
    return back(request, otherwise=reverse("dashboard:drip-feeds"))


def _listed(
    request: PageRequest, name: str, found: series.Page, tabs: tuple[tuple[str, object], ...]
) -> HttpResponse:
    rows = standing.of(found.orders, now=clock.now())
    return _draw(request, name, {"rows": rows, "after": found.after}, tabs)


def _draw(
    request: PageRequest,
    name: str,
    found: Mapping[str, object],
    tabs: tuple[tuple[str, object], ...],
) -> HttpResponse:
    context = dict(found) | {
        "tabs": tabs,
        "state": request.GET.get("state", ""),
        "is_first": not request.GET.get("after"),
    }
    part = "_rows" if request.htmx else "page"
    return render(request, f"dashboard/{name}/{part}.html", context)
