"""The books: every movement of money, what came of each day, and the proofs that all agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from django import forms
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from relaypanel import clock, money
from relaypanel.accounts import users
from relaypanel.accounts.models import User
from relaypanel.ledger import journal
from relaypanel.ledger.journal import Wanted
from relaypanel.ledger.models import Code, Transfer
from relaypanel.look import spreadsheet
from relaypanel.look.days import begin
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.movements import KINDS, FilterForm
from relaypanel.look.numbers import NUMBER_MAX
from relaypanel.look.spreadsheet import Number
from relaypanel.reports import books, proof
from relaypanel.reports.books import Books
from relaypanel.staff.gate import DeskRequest

# What a day's line tells apart; the download tells every kind.
_COLUMNS: Final = (
    (pgettext_lazy("column", "Top-ups"), (Code.DEPOSIT,)),
    (pgettext_lazy("column", "Gifts"), (Code.BONUS, Code.AFFILIATE)),
    (pgettext_lazy("column", "Orders"), (Code.ORDER_CHARGE,)),
    (pgettext_lazy("column", "Refunds"), (Code.ORDER_REFUND,)),
    (pgettext_lazy("column", "Corrections"), (Code.ADJUSTMENT,)),
    (pgettext_lazy("column", "Paid out"), (Code.WITHDRAWAL,)),
)


class Filter(FilterForm):
    customer = forms.CharField(label=gettext_lazy("Customer"), required=False, max_length=60)
    order = forms.IntegerField(
        label=pgettext_lazy("column", "Order"), required=False, min_value=1, max_value=NUMBER_MAX
    )
    field_order = ("kind", "customer", "order", "since", "until")


@require_GET
def movements(request: DeskRequest) -> HttpResponse:
    form = Filter(request.GET)
    wanted = _wanted(form)
    found = journal.page(wanted, before_id=before_id(request)) if wanted else []
    rows = found[: journal.PAGE]
    context = {
        "form": form,
        "rows": _with_names(rows),
        "is_filtered": wanted != Wanted(),
        "next_page": next_page(request, rows, more=len(found) > len(rows)),
    }
    return render(request, "staff/books/movements.html", context)


@require_GET
def export(request: DeskRequest) -> StreamingHttpResponse:
    wanted = _wanted(Filter(request.GET))
    pages = journal.pages(wanted) if wanted else iter(())
    found = (pair for page in pages for pair in _with_names(page))
    return spreadsheet.response(_journal(found), name="movements")


@require_GET
def days(request: DeskRequest) -> HttpResponse:
    first = _month(request)
    found = books.month(first)
    context = {
        "month": f"{first:%Y-%m}",
        "months": [
            (f"{one:%Y-%m}", formats.date_format(one, "YEAR_MONTH_FORMAT"))
            for one in books.months(now=clock.now())
        ],
        "columns": [words for words, _codes in _COLUMNS],
        "rows": [_row(day) for day in found],
        "whole": _row(books.together(found)) if found else None,
    }
    return render(request, "staff/books/days.html", context)


@require_GET
def export_days(request: DeskRequest) -> StreamingHttpResponse:
    first = _month(request)
    return spreadsheet.response(_days(books.month(first)), name=f"books-{first:%Y-%m}")


@require_GET
def proofs(request: DeskRequest) -> HttpResponse:
    found = proof.page(before_id=before_id(request))
    rows = found[: proof.PAGE]
    context = {
        "proofs": rows,
        "next_page": next_page(request, rows, more=len(found) > len(rows)),
    }
    return render(request, "staff/books/proofs.html", context)


def _wanted(form: Filter) -> Wanted | None:
    """Return what was asked for; None: nothing can be that."""
    if not form.is_valid():
        return None
    name = form.cleaned_data["customer"]
    try:
        user_id = users.named(name).pk if name else None
    except users.NoSuchUser:
        return None
    return form.wanted(user_id=user_id, order_id=form.cleaned_data["order"])


def _month(request: DeskRequest) -> date:
    """Return the first day of the month that the address names, or of this one."""
    text = request.GET.get("month", "")
    if not text:
        return books.months(now=clock.now())[0]
    try:
        return begin(date.fromisoformat(f"{text}-01")).date()
    except ValueError:
        raise Http404 from None


def _row(day: Books) -> tuple[Books, list[tuple[object, int]]]:
    """Return the day with what each column says: by how much customers hold more."""
    return day, [(words, sum(day.of(code).net_e8 for code in codes)) for words, codes in _COLUMNS]


def _with_names(rows: Sequence[Transfer]) -> list[tuple[Transfer, User]]:
    users = journal.named(rows)
    return [(row, users[row.customer_id]) for row in rows]


def _journal(rows: Iterable[tuple[Transfer, User]]) -> Iterator[tuple[object, ...]]:
    yield (
        _("ID"),
        _("Date"),
        _("Kind"),
        _("Customer"),
        _("Amount"),
        _("Balance"),
        _("Note"),
        _("Key"),
    )
    for row, user in rows:
        yield (
            row.pk,
            row.created_at,
            KINDS[Code(row.code)],
            user,
            Number(money.text(row.change_e8)),
            None if row.left_e8 is None else Number(money.text(row.left_e8)),
            row.reason,
            row.key,
        )


def _days(found: Iterable[Books]) -> Iterator[tuple[object, ...]]:
    yield (
        _("Day"),
        *(
            heading
            for code in Code
            for heading in (
                _("%(kind)s: number") % {"kind": KINDS[code]},
                _("%(kind)s: to customers") % {"kind": KINDS[code]},
                _("%(kind)s: from customers") % {"kind": KINDS[code]},
            )
        ),
        pgettext("column", "Customers hold"),
    )
    for day in found:
        moved = [day.of(code) for code in Code]
        yield (
            day.date.isoformat(),
            *(
                cell
                for one in moved
                for cell in (
                    one.number,
                    Number(money.text(one.in_e8)),
                    Number(money.text(one.out_e8)),
                )
            ),
            Number(money.text(day.owed_e8)),
        )
