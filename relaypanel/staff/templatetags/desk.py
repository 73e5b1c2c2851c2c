"""The words that the desk's templates draw with, beside those of look.py."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext_lazy

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


@register.simple_tag
def state_pill(status: str) -> SafeString:
    colour, words = STATES[status]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.filter
def reason(code: str) -> str:
    """Return a timeline's stable code as it reads: "refused_upstream" is "refused upstream"."""
    return code.replace("_", " ")
