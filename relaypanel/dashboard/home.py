"""The first page after signing in: balance, spend, and what the orders do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from relaypanel import amounts, clock
from relaypanel.ledger import journal, spending
from relaypanel.ledger.spending import Day
from relaypanel.look.charts import Slice
from relaypanel.look.page import PageRequest
from relaypanel.look.templatetags.look import STATES, money
from relaypanel.orders import history, refills, standing
from relaypanel.orders.history import Tab, Wanted
from relaypanel.storefront import announcements

RANGES: Final = (7, 30, 90)
RANGE_USUAL: Final = 30
RECENT: Final = 9
SPARK_DAYS: Final = 14
# A month and the one before it, at their longest.
_MONTHS_DAYS: Final = 62
_RECENT_TABS: Final = (None, Tab.IN_PROGRESS, Tab.PENDING, Tab.PARTIAL)


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    now = clock.now()
    if request.htmx:
        return render(request, "dashboard/home/_recent.html", _recent(request, now))
    days = int(text) if (text := request.GET.get("days", "")) in map(str, RANGES) else RANGE_USUAL
    context = (
        _recent(request, now)
        | _spend(request.user.pk, days, now)
        | _states(request.user.pk, days, now)
        | {
            "greeting": _greeting(now),
            "announcements": announcements.shown(language=get_language() or "", now=now),
            "refills": refills.running(request.user.pk),
            "balances": _balances(request.user.pk),
        }
    )
    return render(request, "dashboard/home/page.html", context)


def _greeting(now: datetime) -> str:
    hour = now.astimezone(timezone.get_current_timezone()).hour
    if 5 <= hour < 12:
        return _("Good morning")
    return _("Good afternoon") if 12 <= hour < 18 else _("Good evening")


def _recent(request: PageRequest, now: datetime) -> dict[str, Any]:
    state = request.GET.get("state", "")
    tab = Tab(state) if state in _RECENT_TABS else None
    found = history.page(Wanted(user_id=request.user.pk, tab=tab), size=RECENT)
    return {
        "rows": standing.of(found.orders, now=now),
        "tab": tab,
        "recent_tabs": [
            (one.value, STATES[one.value][1]) if one else ("", pgettext("orders", "All"))
            for one in _RECENT_TABS
        ],
    }


def _spend(user_id: int, days: int, now: datetime) -> dict[str, Any]:
    """Return the spend of the last days beside the days before, and of this month."""
    midnights = _midnights(max(2 * days, _MONTHS_DAYS), now)
    charged = spending.by_day(user_id=user_id, midnights=midnights)
    shown, starts = charged[-days:], midnights[-days - 1 : -1]
    before_e8 = _sum(charged[-2 * days : -days])
    month = [_month(at) for at in midnights[:-1]]
    this, last = _month(now), _month(now.replace(day=1) - timedelta(days=1))
    today, yesterday = charged[-1].charges, charged[-2].charges
    return {
        "days": days,
        "ranges": RANGES,
        "spent_e8": _sum(shown),
        "trend": amounts.trend(_sum(shown), before_e8),
        "chart": {
            "values": [day.amount_e8 for day in shown],
            "labels": [formats.date_format(_local(at), "d/m") for at in starts],
            "tips": [
                f"{formats.date_format(_local(at), 'd/m/Y')}\n{money(day.amount_e8)}"
                for at, day in zip(starts, shown, strict=True)
            ],
        },
        "month_e8": _sum([d for d, of in zip(charged, month, strict=True) if of == this]),
        "month_trend": amounts.trend(
            _sum([d for d, of in zip(charged, month, strict=True) if of == this]),
            _sum([d for d, of in zip(charged, month, strict=True) if of == last]),
        ),
        "today": today,
        "today_trend": amounts.trend(today, yesterday),
        "spark_charges": [day.charges for day in charged[-SPARK_DAYS:]],
        "spark_spend": [day.amount_e8 for day in charged[-SPARK_DAYS:]],
    }


def _states(user_id: int, days: int, now: datetime) -> dict[str, Any]:
    since = _midnights(days, now)[0]
    counts = history.counts_since(since, user_id=user_id)
    slices = [
        Slice(
            label=str(STATES[tab.value][1]),
            value=count,
            css_class=f"status-{STATES[tab.value][0]}",
        )
        for tab, count in counts.items()
    ]
    return {"slices": slices, "placed": sum(counts.values())}


def _balances(user_id: int) -> list[int]:
    """Return what the balance was after each of the latest movements, the oldest first."""
    movements = journal.page(journal.Wanted(user_id=user_id), limit=SPARK_DAYS)
    return [m.left_e8 for m in reversed(movements) if m.left_e8 is not None]


def _midnights(days: int, now: datetime) -> list[datetime]:
    """Return where each of the last days begins for the reader, and where today ends."""
    zone = timezone.get_current_timezone()
    today = now.astimezone(zone).date()
    dates = (today - timedelta(days=days - 1 - n) for n in range(days + 1))
    return [datetime.combine(date, time(), zone) for date in dates]


def _sum(days: Sequence[Day]) -> int:
    return sum(day.amount_e8 for day in days)


def _month(at: datetime) -> tuple[int, int]:
    local = _local(at)
    return local.year, local.month


def _local(at: datetime) -> datetime:
    return at.astimezone(timezone.get_current_timezone())
