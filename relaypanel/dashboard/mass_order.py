"""Mass order: an order a line, looked at before it is paid, and placed in one batch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from relaypanel import clock
from relaypanel.contract import OrderType
from relaypanel.dashboard.order_form import REF_PREFIX, new_ref
from relaypanel.errors import Refused
from relaypanel.look.page import PageRequest
from relaypanel.orders import mass
from relaypanel.orders.mass import Line
from relaypanel.orders.models import Order
from relaypanel.orders.place import Quote

_REF: Final = re.compile(re.escape(REF_PREFIX) + r"[\w-]{8,40}", re.ASCII)
_PRICES: Final = re.compile(r"[0-9]{1,19}(?:,[0-9]{1,19})*", re.ASCII)


@login_required
@require_http_methods(["GET", "POST"])
def page(request: PageRequest) -> HttpResponse:
    context: dict[str, Any] = {
        "text": request.POST.get("lines", ""),
        "forms": [(order_type.value, mass.form(order_type)) for order_type in OrderType],
        "lines_max": mass.LINES_MAX,
        "example": "12 | https://example.com/post/1 | 1000",
    }
    if request.method == "POST":
        context |= _answer(request)
    return render(request, "dashboard/mass_order/page.html", context)


def _answer(request: PageRequest) -> Mapping[str, Any]:
    try:
        lines = mass.split(request.POST.get("lines", ""))
    except mass.TooManyLines as refused:
        return {"refused": refused}
    user_id, now = request.user.pk, clock.now()
    prices = _prices(request.POST.get("prices", ""))
    ref = request.POST.get("client_ref", "")
    if lines and len(prices) == len(lines) and _REF.fullmatch(ref):
        return _placed(mass.order(user_id=user_id, lines=lines, prices_e8=prices, ref=ref, now=now))
    return _previewed(mass.preview(user_id=user_id, lines=lines, now=now))


def _previewed(lines: Sequence[Line[Quote]]) -> Mapping[str, Any]:
    good = [(line, line.verdict) for line in lines if isinstance(line.verdict, Quote)]
    return {
        "previewed": lines,
        "good_count": len(good),
        "bad_count": len(lines) - len(good),
        "total_e8": sum(quote.charge_e8 for _, quote in good),
        # Only what was shown with a price is sent on.
        "good_lines": "\n".join(line.text for line, _ in good),
        "prices": ",".join(str(quote.price_e8) for _, quote in good),
        "client_ref": new_ref(),
    }


def _placed(lines: Sequence[Line[Order]]) -> Mapping[str, Any]:
    orders = [line.verdict for line in lines if isinstance(line.verdict, Order)]
    return {
        "placed": lines,
        "orders": orders,
        "total_e8": sum(order.charge_e8 for order in orders),
        # What was not ordered stays in the box, to be put right.
        "text": "\n".join(line.text for line in lines if isinstance(line.verdict, Refused)),
    }


def _prices(text: str) -> list[int]:
    return [int(price) for price in text.split(",")] if _PRICES.fullmatch(text) else []
