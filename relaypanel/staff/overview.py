"""The overview: what was sold and earned, what needs a person, and whether all is well."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from relaypanel import amounts, clock
from relaypanel.look.charts import Slice
from relaypanel.look.templatetags.look import money_brief
from relaypanel.reports import overview
from relaypanel.reports.days import PERIODS
from relaypanel.reports.models import Day
from relaypanel.reports.overview import Overview
from relaypanel.staff.gate import DeskRequest
from relaypanel.staff.templatetags.desk import STATES

_USUAL: Final = 30


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    days = _period(request.GET.get("days", ""))
    read = overview.read(days=days, now=clock.now())
    context = {
        "days": days,
        "periods": [(period, _words(period)) for period in PERIODS],
        "read": read,
        "trends": _trends(read),
        "sales": [day.sales_e8 for day in read.days],
        "costs": [day.cost_e8 for day in read.days],
        "labels": [formats.date_format(day.date, "d/m") for day in read.days],
        "tips": [_tip(day) for day in read.days],
        "states": _slices(read),
    }
    return render(request, "staff/overview/page.html", context)


def _period(text: str) -> int:
    wanted = {str(days): days for days in PERIODS}
    return wanted.get(text, _USUAL)


def _words(days: int) -> str:
    if days == 1:
        return _("Today")
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


def _trends(read: Overview) -> dict[str, str | None]:
    names = ("orders", "sales_e8", "cost_e8", "margin_e8", "new_users")
    return {
        name: amounts.trend(getattr(read.now, name), getattr(read.before, name)) for name in names
    }


def _tip(day: Day) -> str:
    orders = ngettext("%(count)d order", "%(count)d orders", day.orders) % {"count": day.orders}
    lines = (
        f"{formats.date_format(day.date, 'd/m/Y')} · {orders}",
        f"{_('Sales')}: {money_brief(day.sales_e8)}",
        f"{_('Cost')}: {money_brief(day.cost_e8)}",
        f"{_('Margin')}: {money_brief(day.sales_e8 - day.cost_e8)}",
    )
    return "\n".join(lines)


def _slices(read: Overview) -> list[Slice]:
    return [
        Slice(label=str(STATES[state][1]), value=count, css_class=f"status-{STATES[state][0]}")
        for state, count in read.states.items()
    ]
