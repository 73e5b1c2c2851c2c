"""Providers: adding one, its settings and its key, how it does, and what it did not do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import amounts, clock, money
from relaypanel.catalogue import mirror, terms
from relaypanel.errors import ProviderError, Refused
from relaypanel.orders import queues
from relaypanel.providers import logbook, refresh, registry
from relaypanel.providers.models import Provider
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest, acting

BALANCE_DAYS: Final = 30


class AddForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    url = forms.CharField(
        label=gettext_lazy("Address of its API"),
        max_length=registry.URL_CHARACTERS_MAX,
        help_text="https://panel.example/api/v2",
    )
    key = forms.CharField(
        label=gettext_lazy("Your API key there"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency it charges in"), max_length=3, initial=settings.CURRENCY
    )


class SettingsForm(forms.Form):
    name = AddForm.base_fields["name"]
    url = AddForm.base_fields["url"]
    deadline_ms = forms.IntegerField(
        label=gettext_lazy("A call may take (ms)"), min_value=50, max_value=120_000
    )
    concurrency = forms.IntegerField(
        label=gettext_lazy("Orders sent at once"), min_value=1, max_value=200
    )
    status_batch = forms.IntegerField(
        label=gettext_lazy("Orders in one status call"), min_value=1, max_value=100
    )
    poll_seconds = forms.IntegerField(
        label=gettext_lazy("Seconds between two looks"), min_value=1, max_value=86_400
    )
    speaks_client_ref = forms.BooleanField(
        label=gettext_lazy("It answers the same client_ref with the same order"), required=False
    )
    brackets_ids = forms.BooleanField(
        label=gettext_lazy("The IDs of its orders only grow"), required=False
    )
    key_is_exclusive = forms.BooleanField(
        label=gettext_lazy("Nobody but this panel spends with our key there"), required=False
    )


class KeyForm(forms.Form):
    key = AddForm.base_fields["key"]

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="new-%s")


class TermsForm(forms.Form):
    every_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes between two price lists"), min_value=1, max_value=10_080
    )
    spike_percent = forms.IntegerField(
        label=gettext_lazy("A rate that moves further waits (%)"), min_value=1, max_value=1_000
    )
    vanish_syncs = forms.IntegerField(
        label=gettext_lazy("Close a service after so many lists without it"),
        min_value=1,
        max_value=100,
    )
    currency_rate = forms.CharField(
        label=gettext_lazy("What one unit of its currency costs in ours"),
        required=False,
        max_length=30,
        help_text=gettext_lazy("Empty: it is the same currency."),
    )


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    counts = queues.counts()
    providers = Provider.objects.order_by("name")
    rows = [(provider, counts.get(provider.pk, queues.NONE)) for provider in providers]
    return render(request, "staff/providers/page.html", {"rows": rows})


def add(request: DeskRequest) -> HttpResponse:
    """Ask the panel before it is added, so that a slip shows now and not with the first order."""
    form = AddForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        provider = _added(request, form)
        if provider is not None:
            return redirect("staff:price-list-import", provider.pk)
    return render(request, "staff/providers/add.html", {"form": form})


def _added(request: DeskRequest, form: AddForm) -> Provider | None:
    told = form.cleaned_data
    try:
        endpoint = registry.trial(url=told["url"], key=told["key"], currency=told["currency"])
        heard = asyncio.run(refresh.fetch_from(endpoint))
        with acting(request, "provider.add", ("provider", told["name"])) as change:
            provider = registry.add(**told)
            change.after = {name: told[name] for name in ("name", "url", "currency")}
    except (Refused, ProviderError) as error:
        form.add_error(refusals.field(error, form), refusals.words(error))
        return None
    _record(provider, heard)
    messages.success(
        request,
        _("%(name)s answers and sells %(count)s services. Now choose what you sell.")
        % {"name": provider.name, "count": amounts.count(len(heard.listings))},
    )
    return provider


def _record(provider: Provider, told: refresh.Told) -> None:
    now = clock.now()
    refresh.record_balance(provider_id=provider.pk, balance=told.balance, now=now)
    if provider.currency == settings.CURRENCY:
        mirror.sync(provider, listings=told.listings, now=now)
    else:
        # Followed once somebody has said what its currency costs.
        refresh.record(provider_id=provider.pk, listings=told.listings, now=now)


@require_GET
def detail(request: DeskRequest, provider_id: int) -> HttpResponse:
    return _detail(request, known(provider_id))


@require_POST
def change(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider = known(provider_id)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _detail(request, provider, settings_form=form)
    before = {name: getattr(provider, name) for name in form.fields}
    try:
        with acting(request, "provider.change", ("provider", provider.pk)) as change:
            registry.change(provider, **form.cleaned_data)
            change.before, change.after = before, form.cleaned_data
    except Refused as refused:
        form.add_error(refusals.field(refused, form), refusals.words(refused))
        return _detail(request, known(provider_id), settings_form=form)
    return _done(request, provider)


@require_POST
def set_key(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider, form = known(provider_id), KeyForm(request.POST)
    if not form.is_valid():
        return _detail(request, provider, key_form=form)
    try:
        with acting(request, "provider.set_key", ("provider", provider.pk)):
            registry.set_key(provider, form.cleaned_data["key"])
            registry.resume(provider)
    except Refused as refused:
        form.add_error("key", refusals.words(refused))
        return _detail(request, provider, key_form=form)
    return _done(request, provider)


@require_POST
def set_terms(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider, form = known(provider_id), TermsForm(request.POST)
    if not form.is_valid():
        return _detail(request, provider, terms_form=form)
    numbers = dict(form.cleaned_data)
    rate = numbers.pop("currency_rate")
    try:
        with acting(request, "provider.set_terms", ("provider", provider.pk)) as change:
            change.before = _terms_told(provider)
            terms.change(provider, **numbers)
            if rate:
                terms.set_currency_rate(provider, money.parse(rate))
            change.after = _terms_told(provider)
    except (Refused, ValueError) as error:
        form.add_error("currency_rate", refusals.words(error))
        return _detail(request, provider, terms_form=form)
    return _done(request, provider)


@require_POST
def pause(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider = known(provider_id)
    with acting(request, "provider.pause", ("provider", provider.pk)):
        registry.pause(provider)
    return _done(request, provider)


@require_POST
def resume(request: DeskRequest, provider_id: int) -> HttpResponse:
    provider = known(provider_id)
    with acting(request, "provider.resume", ("provider", provider.pk)):
        registry.resume(provider)
    return _done(request, provider)


def _detail(request: DeskRequest, provider: Provider, **forms_: forms.Form) -> HttpResponse:
    now = clock.now()
    readings = logbook.readings(provider, since=now - timedelta(days=BALANCE_DAYS))
    context: dict[str, Any] = {
        "provider": provider,
        "counts": queues.counts().get(provider.pk, queues.NONE),
        "services_count": provider.services.count(),
        "readings": [reading.amount_e8 for reading in readings],
        "troubles": logbook.troubles(provider),
        "settings_form": SettingsForm(
            initial={name: getattr(provider, name) for name in SettingsForm.base_fields}
        ),
        "key_form": KeyForm(),
        "terms_form": TermsForm(initial=_terms_told(provider)),
    }
    return render(request, "staff/providers/detail.html", context | forms_)


def _terms_told(provider: Provider) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(terms.of(provider), name) for name in terms.RANGES}
    rate_e8 = provider.rate_to_panel_e8
    return told | {"currency_rate": "" if rate_e8 is None else money.text(rate_e8)}


def known(provider_id: int) -> Provider:
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is None:
        raise Http404
    return provider


def _done(request: DeskRequest, provider: Provider) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect("staff:provider", provider.pk)
