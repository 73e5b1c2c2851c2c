"""The customer's orders: the list, one order, what can be asked of it, and the list as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, money
from relaypanel.dashboard import order_words, refusals
from relaypanel.errors import Refused
from relaypanel.look import days, spreadsheet
from relaypanel.look.page import PageRequest
from relaypanel.look.spreadsheet import Number
from relaypanel.look.templatetags.look import STATES
from relaypanel.orders import detail, history, requests, standing
from relaypanel.orders.history import Cursor, Tab, Wanted
from relaypanel.orders.models import Order


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    wanted = _wanted(request)
    after = Cursor.parse(request.GET.get("after", ""))
    found = history.page(wanted, after=after)
    context: dict[str, Any] = {
        "rows": standing.of(found.orders, now=clock.now()),
        "after": found.after,
        "is_first": after is None,
        "wanted": wanted,
    }
    if request.htmx:
        return render(request, "dashboard/orders/_rows.html", context)
    context |= {
        "tabs": _tabs(request.user.pk, wanted),
        "since": request.GET.get("from", ""),
        "until": request.GET.get("to", ""),
        "is_searched": bool(wanted.text or wanted.since or wanted.until),
        "cleared": f"?state={wanted.tab}" if wanted.tab else "?",
    }
    return render(request, "dashboard/orders/page.html", context)


@login_required
@require_GET
def one(request: PageRequest, order_id: int) -> HttpResponse:
    try:
        found = detail.read(user_id=request.user.pk, order_id=order_id, now=clock.now())
    except requests.OrderNotFound:
        raise Http404 from None
    context = {
        "one": found.standing,
        "order": found.standing.order,
        "detail": found,
        "moments": order_words.timeline(
            events=found.events, cancel=found.cancel, refills=found.refills
        ),
    }
    name = "_one.html" if request.htmx else "one.html"
    return render(request, f"dashboard/orders/{name}", context)


@login_required
@require_POST
def cancel(request: PageRequest, order_id: int) -> HttpResponse:
    refused = requests.ask_cancel(user_id=request.user.pk, order_ids=[order_id], now=clock.now())[
        order_id
    ]
    return _answer(request, order_id, refused, done=_("The order is to be canceled."))


@login_required
@require_POST
def refill(request: PageRequest, order_id: int) -> HttpResponse:
    outcome = requests.ask_refill(user_id=request.user.pk, order_ids=[order_id], now=clock.now())[
        order_id
    ]
    refused = outcome if isinstance(outcome, Refused) else None
    return _answer(request, order_id, refused, done=_("The refill is asked for."))


@login_required
@require_GET
def export(request: PageRequest) -> StreamingHttpResponse:
    """Send the orders that the list would show, as many as there are, as they are read."""
    return spreadsheet.response(_rows(history.every(_wanted(request))), name="orders")


def _wanted(request: PageRequest) -> Wanted:
    tab = request.GET.get("state", "")
    since, until = _day(request.GET.get("from", "")), _day(request.GET.get("to", ""))
    return Wanted(
        user_id=request.user.pk,
        tab=Tab(tab) if tab in Tab.__members__.values() else None,
        text=request.GET.get("q", "").strip(),
        since=days.begin(since) if since else None,
        until=days.end(until) if until else None,
    )


def _day(text: str) -> date | None:
    """Return the day that a date field says, None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _tabs(user_id: int, wanted: Wanted) -> list[dict[str, object]]:
    counts = history.counts(user_id)
    every = {
        "words": pgettext("orders", "All"),
        "value": "",
        "count": sum(counts.values()),
        "current": wanted.tab is None,
    }
    return [every] + [
        {
            "words": STATES[tab.value][1],
            "value": tab.value,
            "count": count,
            "current": wanted.tab is tab,
        }
        for tab, count in counts.items()
    ]


def _answer(
    request: PageRequest, order_id: int, refused: Refused | None, *, done: str
) -> HttpResponse:
    if isinstance(refused, requests.OrderNotFound):
        raise Http404
    if refused is None:
        messages.success(request, done)
    else:
        messages.error(request, refusals.words(refused))
    return redirect("dashboard:order", order_id)


def _rows(orders: Iterator[Order]) -> Iterator[tuple[object, ...]]:
    yield (
        pgettext("column", "Order"),
        _("Placed"),
        _("Service ID"),
        _("Service"),
        _("Link"),
        _("Quantity"),
        _("Start count"),
        _("Remains"),
        _("Price"),
        _("Refunded"),
        _("Status"),
        _("Ended"),
        _("Part of"),
    )
    for order in orders:
        yield (
            order.pk,
            order.placed_at,
            order.service_id,
            order.service.name,
            order.link,
            order.quantity,
            order.start_count,
            order.remains,
            Number(money.text(order.charge_e8)),
            Number(money.text(order.refunded_e8)),
            STATES[order.status][1],
            order.ended_at,
            order.parent_id,
        )
