"""The words that the desk's templates draw with, beside those of look.py."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, pgettext_lazy

from relaypanel import amounts, clock, money
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.ledger.models import Code
from relaypanel.look.movements import KINDS
from relaypanel.providers.models import Provider
from relaypanel.staff import reasons

register = template.Library()

# The order's states as staff see them: what customers all see as pending is told apart.
STATES: Final = {
    "queued": ("pending", pgettext_lazy("order state for staff", "Queued")),
    "sending": ("processing", pgettext_lazy("order state for staff", "Sending")),
    "unconfirmed": ("wrong", pgettext_lazy("order state for staff", "Unconfirmed")),
    "held": ("wrong", pgettext_lazy("order state for staff", "Held")),
    "pending": ("pending", pgettext_lazy("order state for staff", "Pending")),
    "processing": ("processing", pgettext_lazy("order state for staff", "Processing")),
    "in_progress": ("in-progress", pgettext_lazy("order state for staff", "In progress")),
    "completed": ("completed", pgettext_lazy("order state for staff", "Completed")),
    "partial": ("partial", pgettext_lazy("order state for staff", "Partial")),
    "canceled": ("canceled", pgettext_lazy("order state for staff", "Canceled")),
}

# Whether a service is for sale.
SALES: Final = {
    "enabled": ("completed", gettext_lazy("For sale")),
    "paused": ("partial", gettext_lazy("Paused: it would be sold below its cost")),
    "hidden": ("canceled", gettext_lazy("Hidden for now")),
    "disabled": ("canceled", gettext_lazy("Closed")),
}

ROLES: Final = {
    "customer": pgettext_lazy("role", "Customer"),
    "staff": pgettext_lazy("role", "Staff"),
    "owner": pgettext_lazy("role", "Owner"),
}

ADJUSTMENTS: Final = {
    "waiting": ("pending", pgettext_lazy("adjustment", "Waiting")),
    "done": ("completed", pgettext_lazy("adjustment", "Done")),
    "rejected": ("canceled", pgettext_lazy("adjustment", "Rejected")),
}

# Those of the queue first.
TOPUPS: Final = {
    "paid": ("processing", pgettext_lazy("top-up for staff", "To check")),
    "requested": ("pending", pgettext_lazy("top-up for staff", "Money to come")),
    "confirmed": ("completed", pgettext_lazy("top-up for staff", "Added")),
    "rejected": ("wrong", pgettext_lazy("top-up for staff", "Not accepted")),
    "canceled": ("canceled", pgettext_lazy("top-up for staff", "Canceled")),
    "expired": ("canceled", pgettext_lazy("top-up for staff", "Expired")),
}

# What the daily proof of the books counts.
PROVED: Final = {
    "customer balances": pgettext_lazy("proved", "balances"),
    "transfers": pgettext_lazy("proved", "movements"),
    "orders": pgettext_lazy("proved", "orders"),
    "top-ups": pgettext_lazy("proved", "top-ups"),
    "affiliates' shares": pgettext_lazy("proved", "affiliates' shares"),
}

HEALTH: Final = {
    "well": ("completed", pgettext_lazy("provider", "Well")),
    "resting": ("pending", pgettext_lazy("provider", "Resting")),
    "off": ("canceled", pgettext_lazy("provider", "Off")),
}


@register.simple_tag
def state_pill(status: str) -> SafeString:
    colour, words = STATES[status]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.simple_tag
def service_pill(service: Service) -> SafeString:
    colour, words = SALES[service.visibility]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.filter
def plain_amount(amount_e8: int) -> str:
    """Return an amount as a field takes it."""
    return money.text(amount_e8)


@register.filter
def reason(code: str) -> str:
    """Return what a stable code says, or the code as it reads where it has no words."""
    return str(reasons.WORDS.get(code, code.replace("_", " ")))


@register.simple_tag
def role_words(user: User) -> str:
    """Return what somebody is: a customer, an owner, or the staff role."""
    return user.staff_role.name if user.staff_role else str(ROLES[user.role])


@register.simple_tag
def adjustment_pill(state: str) -> SafeString:
    colour, words = ADJUSTMENTS[state]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.simple_tag
def topup_pill(state: str) -> SafeString:
    colour, words = TOPUPS[state]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.filter
def movement(code: str) -> str:
    return str(KINDS[Code(code)])


@register.filter
def proved(what: str) -> str:
    return str(PROVED[what])


@register.filter
def plain_percent(percent_e2: int) -> str:
    """Return hundredths of a percent as they are typed: 850 is "8.5"."""
    whole, rest = divmod(percent_e2, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".") if rest else str(whole)


@register.filter
def percent_e2(percent_e2: int) -> str:
    return f"{plain_percent(percent_e2)}%"


@register.simple_tag
def provider_pill(provider: Provider) -> SafeString:
    """Return how a provider does: off, paused by itself for a reason, at rest, or well."""
    if not provider.enabled:
        state = "off"
    elif provider.paused_for:
        return format_html('<span class="pill status-wrong">{}</span>', reason(provider.paused_for))
    else:
        rests = provider.paused_until is not None and provider.paused_until > clock.now()
        state = "resting" if rests else "well"
    colour, words = HEALTH[state]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.filter
def amount_in(amount_e8: int, currency: str) -> str:
    """Return an amount in a provider's own currency."""
    return amounts.amount(amount_e8, currency=currency)
