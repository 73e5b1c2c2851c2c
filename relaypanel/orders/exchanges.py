"""What was sent for an order and what came back, for staff to look at.

An answer that takes the order says nothing but its ID, so it leaves no row: what was sent then
follows from the order.  Each answer that is a no, or unclear, leaves one: at most KEPT of an
order, for KEPT_DAYS.  They are written in the transaction that applies the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from relaypanel.contract import TYPES, OrderType
from relaypanel.orders.heard import Exchange
from relaypanel.orders.models import Order
from relaypanel.providers.answers import AddAnswer, Rejected, Unclear

# A busy link is asked for again and again; the last few attempts tell the story.
KEPT: Final = 5
KEPT_DAYS: Final = 30
# Each new row takes old ones with it, more than one, so that the table shrinks when it is quiet.
_FORGOTTEN_AT_ONCE: Final = 10


def keep(order: Order, answer: AddAnswer, *, now: datetime) -> None:
    """Write down what came back under the order's token, unless the order was plainly taken."""
    told = answer.exchange if isinstance(answer, Rejected | Unclear) else None
    if told is None or order.provider_id is None:
        return
    row = Exchange(
        order=order,
        token=order.token,
        provider_id=order.provider_id,
        at=now,
        sent=dict(told.sent),
        status=told.status,
        reply=told.reply,
    )
    # The same answer is applied again when a commit was lost on its way to us.
    Exchange.objects.bulk_create([row], ignore_conflicts=True)
    if order.token > KEPT:
        Exchange.objects.filter(order=order, token__lte=order.token - KEPT).delete()
    _forget_old(now)


def of(order: Order) -> list[Exchange]:
    """Return what is kept of an order, the latest first."""
    return list(Exchange.objects.filter(order=order).select_related("provider").order_by("-token"))


def form(fields: Mapping[str, str], *, order_type: str, link: str, quantity: int) -> dict[str, str]:
    """Return the form in which an order goes upstream, without what is ours in it."""
    sent = dict(fields)
    if link:
        sent["link"] = link
    if "quantity" in TYPES[OrderType(order_type)].needed:
        sent["quantity"] = str(quantity)
    return sent


def taken(order: Order) -> Mapping[str, str]:
    """Return the form with which an order was taken; nothing: it was not, or another way."""
    if order.upstream_id is None or order.upstream_service is None or not order.attempts:
        return {}
    sent = form(order.fields, order_type=order.type, link=order.link, quantity=order.quantity)
    return {"service": order.upstream_service.upstream_id} | sent


def _forget_old(now: datetime) -> None:
    old = Exchange.objects.filter(at__lt=now - timedelta(days=KEPT_DAYS)).order_by("at")
    ids = list(old.values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE])
    if ids:
        Exchange.objects.filter(pk__in=ids).delete()
