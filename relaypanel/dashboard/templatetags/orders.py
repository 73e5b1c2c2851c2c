"""What templates say of orders."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from relaypanel.contract import FIELDS
from relaypanel.dashboard import order_form, refusals
from relaypanel.errors import Refused
from relaypanel.look.templatetags.look import STATES, money
from relaypanel.orders.models import Order, Refill, RefillState
from relaypanel.orders.standing import Standing

register = template.Library()


@register.filter
def refusal(refused: Refused) -> str:
    return refusals.words(refused)


@register.filter
def target(order: Order) -> str:
    """Return where an order is delivered, as short as people still know it."""
    return order.link.removeprefix("https://").removeprefix("http://").removeprefix(
        "www."
    ) or order.fields.get("username", "")


@register.filter
def cancel_promise(one: Standing) -> str:
    """Return what a cancel of this order would do, before it is asked for."""
    if one.feed is not None:
        return _(
            "No further run is made and %(refund)s comes back at once. Runs that have begun are"
            " asked to stop; what they do not deliver is refunded when they end."
        ) % {"refund": money(one.stop_refund_e8)}
    if one.is_subscription:
        return _("No further post is served. What was served stays paid.")
    if one.ends_at_once:
        return _("The delivery has not begun: the order ends now and %(refund)s comes back.") % {
            "refund": money(one.cost_e8)
        }
    return _(
        "The delivery is asked to stop. What is not delivered by then, %(refund)s at the most,"
        " is refunded when the order has ended."
    ) % {"refund": money(one.cost_e8)}


@register.filter
def href(order: Order) -> str:
    """Return the link as a browser follows it; it was judged when the order was placed."""
    return order.link if "://" in order.link else f"https://{order.link}"


@register.filter
def is_from_page(order: Order) -> bool:
    return (order.client_ref or "").startswith(order_form.REF_PREFIX)


@register.filter
def field_facts(order: Order) -> list[tuple[str, str]]:
    """Return what the customer filled in beside link and quantity, each with its name."""
    return [(str(order_form.label(name)), text) for name, text in order.fields.items()]


@register.filter
def state_class(status: str) -> str:
    return f"status-{STATES[status][0]}" if status else ""


@register.filter
def refusal_in_full(refused: Refused) -> str:
    """Return the refusal where no field stands beside it."""
    name, words = refusals.field(refused), refusals.words(refused)
    return f"{order_form.label(name)}: {words}" if name in FIELDS else words


@register.filter
def trend_way(trend: str) -> str:
    return "up" if trend.startswith("+") else "down"


@register.filter
def stop_promise(one: Standing) -> str:
    """Return what stopping this drip-feed would do, before it is done."""
    return _(
        "No further run is made, and %(refund)s comes back at once. Runs that began go on."
    ) % {"refund": money(one.stop_refund_e8)}


_REFILLS: Final = {
    RefillState.PENDING: ("pending", pgettext_lazy("order state", "Pending")),
    RefillState.IN_PROGRESS: ("in-progress", pgettext_lazy("order state", "In progress")),
    RefillState.COMPLETED: ("completed", pgettext_lazy("order state", "Completed")),
    RefillState.REJECTED: ("wrong", pgettext_lazy("refill", "Rejected")),
}


@register.filter
def refill_pill(refill: Refill) -> SafeString:
    colour, words = _REFILLS[RefillState(refill.state)]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)
