"""Ways to add money: made, changed, put in order, turned on and off."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors, money
from relaypanel.payments import currencies, methods
from relaypanel.payments.gateways.table import GATEWAYS
from relaypanel.payments.methods import Terms
from relaypanel.payments.models import PaymentMethod
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest, acting
from relaypanel.staff.templatetags.desk import plain_percent

_INSTRUCTIONS_CHARACTERS_MAX: Final = 5_000
# Beside which field a refusal stands; the others stand above the form.
_FIELDS: Final = {
    "payment_method_name_needed": "name",
    "payment_method_bounds": "max",
    "payment_method_bonus": "bonus",
    "payment_method_currency": "currency",
    "payment_method_bank": "bank_account",
}


class MethodForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    is_on = forms.BooleanField(label=gettext_lazy("Customers may choose it"), required=False)
    instructions = forms.CharField(
        label=gettext_lazy("What customers are to do"),
        required=False,
        max_length=_INSTRUCTIONS_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Plain text. Reference, amount and account stand beside it."),
    )
    currency = forms.ChoiceField(label=gettext_lazy("Paid in"), required=False)
    min = forms.CharField(label=gettext_lazy("The least"), max_length=24)
    max = forms.CharField(label=gettext_lazy("The most"), max_length=24)
    bonus = forms.CharField(
        label=gettext_lazy("Bonus in percent"),
        max_length=8,
        initial="0",
        help_text=gettext_lazy("Added to each top-up of this method. 0: none."),
    )
    bank_bin = forms.CharField(
        label=gettext_lazy("Number of the bank (BIN)"),
        required=False,
        max_length=6,
        help_text=gettext_lazy("For a VietQR code, like 970436. Empty: no code is drawn."),
    )
    bank_account = forms.CharField(
        label=gettext_lazy("Account at the bank"), required=False, max_length=19
    )
    bank_holder = forms.CharField(
        label=gettext_lazy("Holder of the account"), required=False, max_length=80
    )
    gateway = forms.ChoiceField(
        label=gettext_lazy("Confirmed by"),
        required=False,
        help_text=gettext_lazy("A program of yours may say that money came: see the handbook."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = [("", settings.CURRENCY), *((code, code) for code in currencies.all_codes())]
        programs = [("", gettext_lazy("staff alone")), *((name, name) for name in GATEWAYS)]
        self.fields["currency"].choices = codes  # type: ignore[attr-defined]
        self.fields["gateway"].choices = programs  # type: ignore[attr-defined]

    def clean_min(self) -> int:
        return self._amount("min")

    def clean_max(self) -> int:
        return self._amount("max")

    def clean_bonus(self) -> int:
        whole, rest = divmod(self._amount("bonus"), money.ONE_E8 // 100)
        if rest:
            raise forms.ValidationError(_("A percentage has at most two decimals."))
        return whole

    def _amount(self, name: str) -> int:
        try:
            return money.parse(self.cleaned_data[name].strip())
        except ValueError:
            words = _("An amount is a number with at most eight decimals, like 12.5.")
            raise forms.ValidationError(words) from None

    @property
    def terms(self) -> Terms:
        told = dict(self.cleaned_data)
        return Terms(
            min_e8=told.pop("min"),
            max_e8=told.pop("max"),
            bonus_bp=told.pop("bonus"),
            currency_id=told.pop("currency") or None,
            **told,
        )


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    return render(
        request,
        "staff/methods/page.html",
        {"methods": methods.everything(), "currency": settings.CURRENCY},
    )


def new(request: DeskRequest) -> HttpResponse:
    return _edit(request, None)


def one(request: DeskRequest, method_id: int) -> HttpResponse:
    return _edit(request, _known(method_id))


@require_POST
def move(request: DeskRequest, method_id: int) -> HttpResponse:
    up = request.POST.get("way") != "down"
    try:
        methods.move(method_id=method_id, up=up, by=request.actor, now=clock.now())
    except methods.NoSuchMethod:
        raise Http404 from None
    return redirect("staff:methods")


@require_POST
def renew_secret(request: DeskRequest, method_id: int) -> HttpResponse:
    """Show a new signing secret, this once; the old one is dead."""
    method = _known(method_id)
    if not method.gateway:
        raise Http404
    with acting(request, "payment_method.renew_secret", ("payment_method", method.pk)):
        secret = methods.renew_secret(method)
    return _show(request, method, MethodForm(initial=_told(method)), secret=secret)


def _edit(request: DeskRequest, method: PaymentMethod | None) -> HttpResponse:
    initial = {"is_on": True} if method is None else _told(method)
    form = MethodForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        method_id = method.pk if method else None
        try:
            methods.save(method_id=method_id, terms=form.terms, by=request.actor, now=clock.now())
        except errors.Refused as refused:
            form.add_error(_FIELDS.get(refused.code), refusals.words(refused))
        else:
            messages.success(request, _("The payment method is kept."))
            return redirect("staff:methods")
    return _show(request, method, form)


def _show(
    request: DeskRequest, method: PaymentMethod | None, form: MethodForm, *, secret: str = ""
) -> HttpResponse:
    context = {
        "method": method,
        "form": form,
        "secret": secret,
        "hook": f"{settings.PUBLIC_URL}/payments/hooks/{method.pk}" if method else "",
    }
    answer = render(request, "staff/methods/one.html", context)
    if secret:
        answer["Cache-Control"] = "no-store"
    return answer


def _told(method: PaymentMethod) -> dict[str, object]:
    names = ("name", "is_on", "instructions", "bank_bin", "bank_account", "bank_holder", "gateway")
    return {name: getattr(method, name) for name in names} | {
        "currency": method.currency_id or "",
        "min": money.text(method.min_e8),
        "max": money.text(method.max_e8),
        "bonus": plain_percent(method.bonus_bp),
    }


def _known(method_id: int) -> PaymentMethod:
    method = methods.one(method_id)
    if method is None:
        raise Http404
    return method
