"""What providers charge: picking what to sell, following their lists, and what waits for a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.validators import RegexValidator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, money
from relaypanel.catalogue import diff, intake, mirror, pick, pricing_rules, quarantine, stock, undo
from relaypanel.catalogue.models import Category, Markup, Outcome, Sync
from relaypanel.catalogue.pick import Wanted
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.errors import ProviderError, Refused
from relaypanel.look.keyset import before_id, next_page, row_id
from relaypanel.look.numbers import numbers
from relaypanel.providers import refresh
from relaypanel.providers.models import Provider
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest, acting
from relaypanel.staff.providers import known

SYNCS_SHOWN: Final = 50
LINES_SHOWN: Final = 500
_IDS_MAX: Final = 10_000


class Filter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Name or ID"), required=False, max_length=100)
    category = forms.ChoiceField(label=gettext_lazy("Category there"), required=False)

    def __init__(self, data: Any, *, categories: Sequence[str]) -> None:
        super().__init__(data)
        choices = [("", _("All categories")), *((name, name or "—") for name in categories)]
        self.fields["category"].choices = choices  # type: ignore[attr-defined]

    def wanted(self) -> Wanted:
        if not self.is_valid():
            return Wanted()
        return Wanted(text=self.cleaned_data["q"], category=self.cleaned_data["category"])


def _percent_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Mark-up (%)"),
        max_length=12,
        initial="20",
        validators=[RegexValidator(r"\A[0-9]{1,5}(\.[0-9]{1,2})?\Z")],
    )


class ImportForm(forms.Form):
    mark_up = _percent_field()
    into = forms.ModelChoiceField(
        Category.objects.select_related("platform").order_by("platform__position", "position"),
        label=gettext_lazy("Into the category"),
        required=False,
        empty_label=gettext_lazy("Named as the provider names it"),
    )


class RuleForm(forms.Form):
    category = forms.CharField(
        label=gettext_lazy("Category there"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Empty: all that it sells."),
    )
    mark_up = _percent_field()
    fixed = forms.CharField(label=gettext_lazy("And an amount"), initial="0", max_length=20)
    auto_import = forms.BooleanField(
        label=gettext_lazy("Put what is newly listed up for sale"), required=False
    )


def pick_services(request: DeskRequest, provider_id: int) -> HttpResponse:
    """Show what a provider sells and we do not, and put what is picked up for sale."""
    provider = known(provider_id)
    filter_ = Filter(request.GET, categories=pick.categories(provider))
    form = ImportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        picked = _picked(request, provider, filter_.wanted())
        if not picked:
            form.add_error(None, _("Pick at least one service."))
        elif _imported(request, provider, form, picked):
            return redirect("staff:price-list-import", provider.pk)
    found = pick.page(provider, filter_.wanted(), after=row_id(request, "after") or 0)
    context = {"provider": provider, "filter": filter_, "form": form, "found": found}
    return render(request, "staff/price_lists/pick.html", context)


def _picked(request: DeskRequest, provider: Provider, wanted: Wanted) -> list[str]:
    if request.POST.get("all") == "yes":
        return pick.upstream_ids(provider, wanted)
    return request.POST.getlist("pick")[:_IDS_MAX]


def _imported(
    request: DeskRequest, provider: Provider, form: ImportForm, picked: list[str]
) -> bool:
    told, now = form.cleaned_data, clock.now()
    try:
        with acting(request, "catalogue.import", ("provider", provider.pk)) as change:
            services = intake.add_services(
                provider,
                markup_percent=Decimal(told["mark_up"]),
                upstream_ids=picked,
                now=now,
                category=told["into"],
            )
            change.after = {"services": len(services), "mark_up": told["mark_up"]}
    except Refused as refused:
        form.add_error(None, refusals.words(refused))
        return False
    added = len(services)
    messages.success(
        request,
        ngettext("%(count)s service is for sale.", "%(count)s services are for sale.", added)
        % {"count": added},
    )
    return True


@require_GET
def syncs(request: DeskRequest, provider_id: int) -> HttpResponse:
    return _syncs(request, known(provider_id))


@require_POST
def fetch(request: DeskRequest, provider_id: int) -> HttpResponse:
    """Ask the provider now, and show what its list would change, or let the shop follow it."""
    provider = known(provider_id)
    try:
        told = asyncio.run(refresh.fetch(provider))
        return _followed(request, provider, told)
    except (ProviderError, Refused) as error:
        return _syncs(request, provider, error=refusals.words(error))


def _followed(request: DeskRequest, provider: Provider, told: refresh.Told) -> HttpResponse:
    now, accept_short = clock.now(), request.POST.get("accept_short") == "yes"
    if request.POST.get("act") != "apply":
        seen = mirror.preview(provider, listings=told.listings, accept_short=accept_short)
        return _syncs(request, provider, preview=seen, lines=list(diff.lines(seen.plan)))
    with acting(request, "catalogue.sync", ("provider", provider.pk)) as change:
        refresh.record_balance(provider_id=provider.pk, balance=told.balance, now=now)
        synced = mirror.sync(provider, listings=told.listings, now=now, accept_short=accept_short)
        change.after = {"outcome": synced.outcome.value, "sync": synced.sync_id}
    if synced.outcome is not Outcome.APPLIED:
        return _syncs(request, provider, preview=synced)
    messages.success(request, _("The shop follows the list."))
    return redirect("staff:price-list", provider.pk)


def _syncs(request: DeskRequest, provider: Provider, **extra: object) -> HttpResponse:
    rows = provider.syncs.annotate(count=Count("changes")).order_by("-pk")
    before = before_id(request)
    found = list((rows.filter(pk__lt=before) if before else rows)[: SYNCS_SHOWN + 1])
    shown = found[:SYNCS_SHOWN]
    context = {
        "provider": provider,
        "syncs": shown,
        "next_page": next_page(request, shown, more=len(found) > len(shown)),
        "rules": Markup.objects.filter(provider=provider).order_by("category"),
        "rule_form": RuleForm(),
        "lines_shown": LINES_SHOWN,
    }
    return render(request, "staff/price_lists/syncs.html", context | extra)


@require_POST
def undo_sync(request: DeskRequest, provider_id: int, sync_id: int) -> HttpResponse:
    provider = known(provider_id)
    if not Sync.objects.filter(pk=sync_id, provider=provider).exists():
        raise Http404
    try:
        with acting(request, "catalogue.undo", ("sync", sync_id)) as change:
            undone = undo.undo(sync_id=sync_id, now=clock.now())
            change.after = {"services": undone.restored, "changed_since": undone.changed_since}
    except Refused as refused:
        messages.error(request, refusals.words(refused))
        return redirect("staff:price-list", provider.pk)
    messages.success(
        request,
        _("%(restored)s services are as they were; %(changed)s were changed since and stay.")
        % {"restored": undone.restored, "changed": undone.changed_since},
    )
    return redirect("staff:price-list", provider.pk)


@require_POST
def set_rule(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider, form = known(provider_id), RuleForm(request.POST)
    if not form.is_valid():
        return _syncs(request, provider, rule_form=form)
    told = form.cleaned_data
    try:
        with acting(request, "catalogue.set_rule", ("provider", provider.pk)) as change:
            percent_e2 = pricing_rules.percent_e2(Decimal(told["mark_up"]))
            rule = Rule(
                percent_e2=percent_e2,
                fixed_e8=money.parse(told["fixed"]),
                auto_import=told["auto_import"],
            )
            pricing_rules.set_for_provider(provider, rule, category=told["category"])
            change.after = told
    except (Refused, ValueError) as error:
        form.add_error(None, refusals.words(error))
        return _syncs(request, provider, rule_form=form)
    messages.success(request, _("Saved. Rates follow with the next price list."))
    return redirect("staff:price-list", provider.pk)


@require_POST
def remove_rule(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider, category = known(provider_id), request.POST.get("category", "")
    try:
        with acting(request, "catalogue.remove_rule", ("provider", provider.pk)) as change:
            change.before = {"category": category}
            pricing_rules.remove_for_provider(provider, category=category)
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    return redirect("staff:price-list", provider.pk)


@require_GET
def waiting(request: DeskRequest) -> HttpResponse:
    rows = [
        (one, diff.waits(stock.held_by(one), stock.row(one.route.upstream)))
        for one in quarantine.waiting()[:LINES_SHOWN]
    ]
    return render(request, "staff/price_lists/waiting.html", {"rows": rows})


@require_POST
def approve(request: DeskRequest) -> HttpResponse:
    return _decided(
        request,
        "catalogue.approve",
        lambda ids: quarantine.approve(ids=ids, now=clock.now()),
        _("The shop follows these changes."),
    )


@require_POST
def reject(request: DeskRequest) -> HttpResponse:
    return _decided(
        request,
        "catalogue.reject",
        lambda ids: quarantine.reject(ids=ids),
        _("Things stay as they are until the provider changes them again."),
    )


def _decided(
    request: DeskRequest, act: str, decide: Callable[[list[int]], object], done: str
) -> HttpResponse:
    ids = sorted(set(numbers(request.POST.getlist("pick"))))
    if not ids:
        messages.error(request, _("Pick at least one line."))
        return redirect("staff:quarantine")
    try:
        with acting(request, act, ("quarantine", ",".join(map(str, ids))[:64])) as change:
            change.before = {"ids": ids}
            decide(ids)
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, done)
    return redirect("staff:quarantine")
