"""The audit log: who of the staff did what, newest first."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from relaypanel.accounts import audit_log, users
from relaypanel.accounts.audit_log import Wanted
from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.look import days
from relaypanel.look.keyset import before_id, next_page
from relaypanel.staff.gate import DeskRequest


class Filter(forms.Form):
    who = forms.CharField(label=_("Who"), required=False, max_length=60)
    act = forms.CharField(label=_("Act"), required=False, max_length=60)
    kind = forms.CharField(label=_("Kind of thing"), required=False, max_length=30)
    id = forms.CharField(label=_("Its ID"), required=False, max_length=64)
    day = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )


# What acts call amounts, by themselves or within a list: masked for those who may not see money.
_MONEY: Final = re.compile(
    r"_e8|amount|balance|charge|cost|fixed|mark_?up|percent|rate", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One value that an act changed, as text."""

    name: str
    before: str
    after: str


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    form = Filter(request.GET)
    found = _found(form, before_id=before_id(request))
    entries = found[: audit_log.PAGE]
    shows_money = request.rights.may_view(Section.MONEY)
    context = {
        "form": form,
        "rows": [(entry, _changes(entry, shows_money)) for entry in entries],
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "next_page": next_page(request, entries, more=len(found) > len(entries)),
    }
    return render(request, "staff/audit_log/page.html", context)


def _found(form: Filter, *, before_id: int | None) -> list[AuditEntry]:
    if not form.is_valid():
        return []
    told = form.cleaned_data
    user_id = None
    if told["who"]:
        try:
            user_id = users.named(told["who"]).pk
        except users.NoSuchUser:
            return []
    day = told["day"]
    wanted = Wanted(
        user_id=user_id,
        act=told["act"],
        subject_kind=told["kind"],
        subject_id=told["id"],
        since=days.begin(day) if day else None,
        until=days.end(day) if day else None,
    )
    return audit_log.page(wanted, before_id=before_id)


def _changes(entry: AuditEntry, shows_money: bool) -> list[Change]:
    names = [*entry.before, *(name for name in entry.after if name not in entry.before)]
    text = _text if shows_money else _text_without_money
    return [
        Change(name=name, before=text(entry.before, name), after=text(entry.after, name))
        for name in names
        if name not in entry.before
        or name not in entry.after
        or entry.before[name] != entry.after[name]
    ]


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text_without_money(values: dict[str, Any], name: str) -> str:
    text = _text(values, name)
    return audit_log.MASK if text and _MONEY.search(f"{name} {text}") else text
