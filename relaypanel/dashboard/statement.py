"""The statement: every movement with what was left after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from relaypanel import money
from relaypanel.ledger import journal
from relaypanel.ledger.journal import Wanted
from relaypanel.ledger.models import Code, Transfer
from relaypanel.look import spreadsheet
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.movements import ICONS, KINDS, FilterForm
from relaypanel.look.page import PageRequest
from relaypanel.look.spreadsheet import Number

_PAGE: Final = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    movement: Transfer

    @property
    def words(self) -> str | Promise:
        return KINDS[Code(self.movement.code)]

    @property
    def icon(self) -> str:
        return ICONS[Code(self.movement.code)]

    @property
    def tone(self) -> str:
        return "green" if self.movement.change_e8 > 0 else "accent"


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    wanted = form.wanted(user_id=request.user.pk)
    found = journal.page(wanted, before_id=before_id(request), limit=_PAGE + 1)
    movements = found[:_PAGE]
    context = {
        "form": form,
        "is_filtered": wanted != Wanted(user_id=request.user.pk),
        "rows": [Row(movement=movement) for movement in movements],
        "next_page": next_page(request, movements, more=len(found) > _PAGE),
    }
    return render(request, "dashboard/funds/statement.html", context)


@login_required
@require_GET
def export(request: PageRequest) -> StreamingHttpResponse:
    pages = journal.pages(FilterForm(request.GET).wanted(user_id=request.user.pk))
    found = (movement for page in pages for movement in page)
    return spreadsheet.response(_rows(found), name="statement")


def _rows(movements: Iterator[Transfer]) -> Iterator[tuple[object, ...]]:
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
            movement.created_at,
            KINDS[Code(movement.code)],
            movement.order_id,
            Number(money.text(movement.change_e8)),
            None if movement.left_e8 is None else Number(money.text(movement.left_e8)),
            movement.reason,
            movement.key,
        )
