"""What waits for a person: unconfirmed orders, cancels and refills, each answered here."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeVar

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors
from relaypanel.look.keyset import row_id
from relaypanel.orders import decide, staff, unconfirmed
from relaypanel.orders.decide import CancelVerdict, RefillVerdict
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest

UNCONFIRMED_PAGE: Final = 25

V = TypeVar("V", bound=Enum)


@require_GET
def unclear(request: DeskRequest) -> HttpResponse:
    found = unconfirmed.waiting(limit=UNCONFIRMED_PAGE + 1, after_id=_after(request))
    rows = found[:UNCONFIRMED_PAGE]
    more = len(found) > len(rows)
    context = {
        "rows": rows,
        "now": clock.of_database(),
        "next_page": f"?after={rows[-1].order.pk}" if more else "",
    }
    return render(request, "staff/waiting/unconfirmed.html", context)


@require_POST
def attach(request: DeskRequest, order_id: int) -> HttpResponse:
    upstream_id = request.POST.get("upstream_id", "").strip()
    return _settle(
        request,
        lambda: unconfirmed.attach(
            order_id=order_id, upstream_id=upstream_id, by=request.actor, now=clock.of_database()
        ),
        _("Order %(id)d goes on as %(upstream)s.") % {"id": order_id, "upstream": upstream_id},
    )


@require_POST
def requeue(request: DeskRequest, order_id: int) -> HttpResponse:
    """Send it again: for a reason, or without one on the provider's proof."""
    return _settle(
        request,
        lambda: unconfirmed.requeue(
            order_id=order_id,
            reason=request.POST.get("reason", ""),
            by=request.actor,
            now=clock.of_database(),
        ),
        _("Order %(id)d will be sent again.") % {"id": order_id},
    )


@require_POST
def refund(request: DeskRequest, order_id: int) -> HttpResponse:
    return _settle(
        request,
        lambda: unconfirmed.refund_order(
            order_id=order_id, by=request.actor, now=clock.of_database()
        ),
        _("Order %(id)d is canceled, and its customer has everything back.") % {"id": order_id},
    )


@require_GET
def cancels(request: DeskRequest) -> HttpResponse:
    found = decide.cancels(after_id=_after(request))
    return _requests(request, "staff/waiting/cancels.html", found)


@require_GET
def refills(request: DeskRequest) -> HttpResponse:
    found = decide.refills(after_id=_after(request))
    return _requests(request, "staff/waiting/refills.html", found)


@require_POST
def decide_cancel(request: DeskRequest, request_id: int) -> HttpResponse:
    verdict = _verdict(request, CancelVerdict)
    if verdict is None:
        return HttpResponseBadRequest()
    return _decide(
        request,
        "staff:cancels",
        lambda reason: decide.cancel(
            request_id=request_id,
            verdict=verdict,
            reason=reason,
            by=request.actor,
            now=clock.of_database(),
        ),
    )


@require_POST
def decide_refill(request: DeskRequest, refill_id: int) -> HttpResponse:
    verdict = _verdict(request, RefillVerdict)
    if verdict is None:
        return HttpResponseBadRequest()
    return _decide(
        request,
        "staff:refills",
        lambda reason: decide.refill(
            refill_id=refill_id,
            verdict=verdict,
            reason=reason,
            by=request.actor,
            now=clock.of_database(),
        ),
    )


def _settle(request: DeskRequest, act: Any, done: str) -> HttpResponse:
    try:
        act()
    except staff.NoSuchOrder:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    except errors.ProviderError as failed:
        words = _("The provider did not answer: %(why)s. Try again later.") % {"why": failed}
        messages.error(request, words)
    else:
        messages.success(request, done)
    return redirect("staff:unconfirmed")


def _decide(request: DeskRequest, name: str, act: Any) -> HttpResponse:
    try:
        act(request.POST.get("reason", ""))
    except decide.NoSuchRequest:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("Done."))
    return redirect(name)


def _requests(request: DeskRequest, template: str, found: list[Any]) -> HttpResponse:
    rows = found[: decide.PAGE]
    more = len(found) > len(rows)
    context = {"rows": rows, "next_page": f"?after={rows[-1].pk}" if more else ""}
    return render(request, template, context)


def _verdict(request: DeskRequest, verdicts: type[V]) -> V | None:
    try:
        return verdicts(request.POST.get("verdict", ""))
    except ValueError:
        return None


def _after(request: DeskRequest) -> int:
    return row_id(request, "after") or 0
