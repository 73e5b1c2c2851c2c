"""The statement: every movement with what was left after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from relaypanel import money
from relaypanel.ledger import statement
from relaypanel.ledger.models import Code
from relaypanel.ledger.statement import Filter, Movement
from relaypanel.look import spreadsheet
from relaypanel.look.page import PageRequest
from relaypanel.look.spreadsheet import Number

_PAGE: Final = 30
KINDS: Final[dict[Code, str | Promise]] = {
    Code.ORDER_CHARGE: pgettext_lazy("movement", "Order"),
    Code.ORDER_REFUND: pgettext_lazy("movement", "Refund"),
    Code.DEPOSIT: pgettext_lazy("movement", "Top-up"),
    Code.BONUS: pgettext_lazy("movement", "Bonus"),
    Code.AFFILIATE: pgettext_lazy("movement", "Affiliate share"),
    Code.ADJUSTMENT: pgettext_lazy("movement", "Correction"),
    Code.WITHDRAWAL: pgettext_lazy("movement", "Withdrawal"),
}
_ICONS: Final[dict[Code, str]] = {
    Code.ORDER_CHARGE: "shopping-cart",
    Code.ORDER_REFUND: "receipt-refund",
    Code.DEPOSIT: "cash",
    Code.BONUS: "gift",
    Code.AFFILIATE: "users",
    Code.ADJUSTMENT: "adjustments",
    Code.WITHDRAWAL: "cash-off",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    movement: Movement

    @property
    def words(self) -> str | Promise:
        return KINDS[self.movement.code]

    @property
    def icon(self) -> str:
        return _ICONS[self.movement.code]

    @property
    def tone(self) -> str:
        return "green" if self.movement.change_e8 > 0 else "accent"


class FilterForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        required=False,
        choices=[("", gettext_lazy("All kinds")), *((code.value, KINDS[code]) for code in KINDS)],
    )
    since = forms.DateField(
        label=pgettext_lazy("date", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=pgettext_lazy("date", "To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    @property
    def wanted(self) -> Filter:
        """Return what was asked for; what cannot be read leaves nothing out."""
        told = self.cleaned_data if self.is_bound and self.is_valid() else {}
        kind, since, until = told.get("kind"), told.get("since"), told.get("until")
        return Filter(
            codes=(Code(kind),) if kind else (),
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until and until < date.max else None,
        )


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    before = request.GET.get("before", "")
    movements = statement.page(
        user_id=request.user.pk,
        wanted=form.wanted,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=_PAGE + 1,
    )
    context = {
        "form": form,
        "is_filtered": form.wanted != statement.EVERYTHING,
        "rows": [Row(movement=movement) for movement in movements[:_PAGE]],
        "next_before": movements[_PAGE - 1].id if len(movements) > _PAGE else None,
    }
    return render(request, "dashboard/funds/statement.html", context)


@login_required
@require_GET
def export(request: PageRequest) -> StreamingHttpResponse:
    wanted = FilterForm(request.GET).wanted
    found = statement.everything(user_id=request.user.pk, wanted=wanted)
    return spreadsheet.response(_rows(found), name="statement")


def _rows(movements: Iterator[Movement]) -> Iterator[tuple[object, ...]]:
    yield (
        _("Date"),
        _("Kind"),
        pgettext("column", "Order"),
        _("Amount"),
        _("Balance"),
        _("Note"),
        _("Key"),
    )
    for movement in movements:
        yield (
            movement.at,
            KINDS[movement.code],
            movement.order_id,
            Number(money.text(movement.change_e8)),
            None if movement.left_e8 is None else Number(money.text(movement.left_e8)),
            movement.reason,
            movement.key,
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
