"""Adding money: the methods, a request, what to do for it, and how it stands."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import amounts, clock, money
from relaypanel.dashboard import refusals
from relaypanel.errors import Refused
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.page import PageRequest
from relaypanel.payments import methods, topup, vietqr
from relaypanel.payments.models import OPEN, PaymentMethod, State, TopUp

_PAGE: Final = 20
# The colour of a pill, and its words.
STATES: Final[dict[State, tuple[str, str | Promise]]] = {
    State.REQUESTED: ("pending", pgettext_lazy("top-up", "Waiting for your transfer")),
    State.PAID: ("processing", pgettext_lazy("top-up", "Being checked")),
    State.CONFIRMED: ("completed", pgettext_lazy("top-up", "Added")),
    State.REJECTED: ("wrong", pgettext_lazy("top-up", "Not accepted")),
    State.CANCELED: ("canceled", pgettext_lazy("top-up", "Canceled")),
    State.EXPIRED: ("canceled", pgettext_lazy("top-up", "Expired")),
}
_DONG: Final = "VND"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A top-up as a page shows it."""

    topup: TopUp

    @property
    def colour(self) -> str:
        return STATES[State(self.topup.state)][0]

    @property
    def words(self) -> str | Promise:
        return STATES[State(self.topup.state)][1]

    @property
    def is_open(self) -> bool:
        return self.topup.state in OPEN

    @property
    def waits(self) -> bool:
        return self.topup.state == State.REQUESTED

    @property
    def owed(self) -> str:
        return amounts.amount(self.topup.owed_e8, currency=self.topup.owed_currency)

    @property
    def owed_plain(self) -> str:
        """What a banking app takes into its field."""
        return money.text(self.topup.owed_e8)

    @property
    def has_code(self) -> bool:
        method = self.topup.method
        return self.topup.owed_currency == _DONG and vietqr.is_account(
            bank_bin=method.bank_bin, account=method.bank_account
        )


class TopUpForm(forms.Form):
    method = forms.TypedChoiceField(coerce=int, widget=forms.RadioSelect, label="")
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        max_length=24,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, offered: list[PaymentMethod], **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["method"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(method.pk, method.name) for method in offered]

    def clean_amount(self) -> int:
        try:
            return money.parse(self.cleaned_data["amount"].replace(" ", ""))
        except ValueError:
            words = _("Write the amount in digits, like 50 or 12.50.")
            raise forms.ValidationError(words) from None


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    return _page(request, None)


@login_required
@require_POST
def ask(request: PageRequest) -> HttpResponse:
    form = TopUpForm(request.POST, offered=methods.on_offer())
    if not form.is_valid():
        return _page(request, form)
    try:
        wanted = topup.request(
            user_id=request.user.pk,
            method_id=form.cleaned_data["method"],
            amount_e8=form.cleaned_data["amount"],
            now=clock.now(),
        )
    except Refused as refused:
        form.add_error(refusals.field(refused) or None, refusals.words(refused))
        return _page(request, form)
    return redirect("dashboard:topup", wanted.pk)


@login_required
@require_GET
def instructions(request: PageRequest, topup_id: int) -> HttpResponse:
    wanted = _own(request, topup_id)
    return render(request, "dashboard/funds/topup.html", {"row": Row(topup=wanted)})


@login_required
@require_GET
def code(request: PageRequest, topup_id: int) -> HttpResponse:
    """Draw the VietQR code of a top-up."""
    wanted = _own(request, topup_id)
    if not Row(topup=wanted).has_code:
        raise Http404
    text = vietqr.payload(
        bank_bin=wanted.method.bank_bin,
        account=wanted.method.bank_account,
        amount=wanted.owed_e8 // money.ONE_E8,
        purpose=wanted.reference,
    )
    drawn = io.BytesIO()
    # White around and behind, also on a dark page: cameras need it.
    segno.make(text, error="m").save(drawn, kind="svg", scale=6, border=4, light="#fff")
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


@login_required
@require_POST
def say_paid(request: PageRequest, topup_id: int) -> HttpResponse:
    _own(request, topup_id)
    try:
        topup.say_paid(user_id=request.user.pk, topup_id=topup_id, now=clock.now())
        messages.success(request, _("Thank you. We check it and tell you when it is added."))
    except topup.AlreadyDecided as refused:
        messages.info(request, refusals.words(refused))
    return redirect("dashboard:topup", topup_id)


@login_required
@require_POST
def cancel(request: PageRequest, topup_id: int) -> HttpResponse:
    _own(request, topup_id)
    try:
        topup.cancel(user_id=request.user.pk, topup_id=topup_id, now=clock.now())
        messages.success(request, _("The top-up is canceled."))
    except topup.AlreadyDecided as refused:
        messages.info(request, refusals.words(refused))
    return redirect("dashboard:topup", topup_id)


def _page(request: PageRequest, form: TopUpForm | None) -> HttpResponse:
    offered = methods.on_offer()
    if form is None:
        form = TopUpForm(offered=offered, initial={"method": offered[0].pk if offered else None})
    rows = TopUp.objects.filter(user=request.user).select_related("method").order_by("-pk")
    before = before_id(request)
    found = list((rows.filter(pk__lt=before) if before else rows)[: _PAGE + 1])
    topups = found[:_PAGE]
    context = {
        "form": form,
        "offered": offered,
        "chosen": str(form["method"].value() or ""),
        "rows": [Row(topup=one) for one in topups],
        "next_page": next_page(request, topups, more=len(found) > _PAGE),
    }
    return render(request, "dashboard/funds/page.html", context)


def _own(request: PageRequest, topup_id: int) -> TopUp:
    rows = TopUp.objects.select_related("method")
    wanted = rows.filter(user=request.user, pk=topup_id).first()
    if wanted is None:
        raise Http404
    return wanted
