"""The words that templates draw with: icons, amounts, moments, states and charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django import template
from django.conf import settings
from django.forms import BoundField
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy

from relaypanel import amounts, clock
from relaypanel.look import charts, icons, user_agents
from relaypanel.orders import history

register = template.Library()

# The order's states as customers read them, each with its colour in tokens.css.  A customer sees
# "Pending" until the provider has begun, as on the wire.
STATES: Final = {
    "queued": ("pending", pgettext_lazy("order state", "Pending")),
    "sending": ("pending", pgettext_lazy("order state", "Pending")),
    "unconfirmed": ("pending", pgettext_lazy("order state", "Pending")),
    "held": ("pending", pgettext_lazy("order state", "Pending")),
    "pending": ("pending", pgettext_lazy("order state", "Pending")),
    "processing": ("processing", pgettext_lazy("order state", "Processing")),
    "in_progress": ("in-progress", pgettext_lazy("order state", "In progress")),
    "completed": ("completed", pgettext_lazy("order state", "Completed")),
    "partial": ("partial", pgettext_lazy("order state", "Partial")),
    "canceled": ("canceled", pgettext_lazy("order state", "Canceled")),
}


@register.simple_tag
def icon(name: str, size: int = 20, css_class: str = "") -> SafeString:
    return icons.icon(name, size, css_class)


@register.simple_tag
def platform_icon(name: str, size: int = 18) -> SafeString:
    """Draw the platform's mark on a tile of its colour."""
    drawn, colour = icons.platform(name)
    return format_html(
        '<span class="platform platform-{}">{}</span>', colour, icons.icon(drawn, size)
    )


@register.filter
def money(amount_e8: int) -> str:
    return amounts.amount(amount_e8, currency=settings.CURRENCY)


@register.filter
def money_brief(amount_e8: int) -> str:
    return amounts.brief(amount_e8, currency=settings.CURRENCY)


@register.simple_tag
def money_in(amount_e8: int, currency: str) -> str:
    """Return an amount of another money than the panel's."""
    return amounts.amount(amount_e8, currency=currency)


@register.filter
def signed_money(amount_e8: int) -> str:
    """Return the amount with a plus where it is one, as a statement shows movements."""
    return f"{'+' if amount_e8 > 0 else ''}{money(amount_e8)}"


@register.filter
def hundredths(share_bp: int) -> str:
    """Return hundredths of a percent as a percentage: 250 is "2.5%"."""
    whole, rest = divmod(share_bp, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


@register.filter
def count(number: int) -> str:
    return amounts.count(number)


@register.filter
def counted(number: int) -> str:
    """Return a count that goes up to history.COUNTED_MAX, and then says "999+"."""
    most = history.COUNTED_MAX
    return amounts.count(number) if number < most else f"{amounts.count(most - 1)}+"


@register.filter
def moment(at: datetime | None) -> SafeString:
    """Return date and time in the reader's zone; a machine reads the exact moment beside it."""
    if at is None:
        return SafeString("—")
    return format_html(
        '<time datetime="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        moment_text(at),
    )


@register.filter
def ago(at: datetime | None) -> SafeString:
    """Return how long ago, in its largest unit; the exact moment shows on hovering."""
    if at is None:
        return SafeString("—")
    seconds = max(0, int((clock.now() - at).total_seconds()))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        moment_text(at),
        _ago(seconds),
    )


@register.filter
def browser(user_agent: str) -> str:
    return user_agents.name(user_agent)


@register.filter
def duration(seconds: int | None) -> str:
    """Return a length of time in at most two units: "3 h 20 min"."""
    if seconds is None:
        return "—"
    minutes = max(1, -(-seconds // 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        first, second = gettext("%d d") % days, gettext("%d h") % hours if hours else ""
    elif hours:
        first, second = gettext("%d h") % hours, gettext("%d min") % minutes if minutes else ""
    else:
        first, second = gettext("%d min") % minutes, ""
    return f"{first} {second}".rstrip()


@register.simple_tag
def status_pill(status: str) -> SafeString:
    colour, words = STATES[status]
    return format_html('<span class="pill status-{}">{}</span>', colour, words)


@register.simple_tag
def progress(done: int, whole: int, status: str) -> SafeString:
    """Draw how much of an order is delivered."""
    colour, _ = STATES[status]
    share = amounts.percent(done, whole)
    return format_html(
        '<span class="progress"><progress max="100" value="{0}" class="status-{1}" '
        'aria-label="{0}%"></progress><span class="number">{0}%</span></span>',
        share,
        colour,
    )


@register.simple_tag
def area_chart(
    values: Sequence[int],
    labels: Sequence[str],
    tips: Sequence[str],
    title: str,
    width: int = 720,
    against: Sequence[int] = (),
) -> SafeString:
    """Draw amounts (e8) over time."""
    return charts.area(
        values=values,
        labels=labels,
        tips=tips,
        tick=money,
        title=title,
        width=width,
        against=against,
    )


@register.simple_tag
def spark(values: Sequence[int], title: str) -> SafeString:
    return charts.spark(values=values, title=title)


@register.simple_tag
def donut(slices: Sequence[charts.Slice], title: str) -> SafeString:
    return charts.donut(slices=slices, title=title)


@register.inclusion_tag("look/parts/field.html")
def field(bound: BoundField, **extra: Any) -> dict[str, object]:
    """Draw a form's field: label, control, help, and its errors beside it.

    What is passed on by name becomes an attribute of the control: `hx_get` is `hx-get`.
    """
    described = [f"{bound.id_for_label}-help"] if bound.help_text else []
    described += [f"{bound.id_for_label}-errors"] if bound.errors else []
    attributes = {name.replace("_", "-"): value for name, value in extra.items()}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    if bound.field.widget.attrs.get("placeholder") == bound.label:
        # allauth says its labels twice.
        del bound.field.widget.attrs["placeholder"]
    return {"field": bound, "control": bound.as_widget(attrs=attributes)}


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: object) -> str:
    """Return the page's query string with these parameters changed; None or "" takes one out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


def moment_text(at: datetime) -> str:
    """Return date and time in the reader's zone, as text."""
    zone = timezone.get_current_timezone()
    return formats.date_format(at.astimezone(zone), gettext("j M Y, H:i"))


def _ago(seconds: int) -> str:
    if seconds < 60:
        return gettext("just now")
    if seconds < 3600:
        return gettext("%d min ago") % (seconds // 60)
    if seconds < 86_400:
        return gettext("%d h ago") % (seconds // 3600)
    days = seconds // 86_400
    return ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}
