"""How movements of money read, and how they are chosen, in the shop and at the desk."""

from __future__ import annotations

from typing import Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from relaypanel.ledger.journal import Wanted
from relaypanel.ledger.models import Code
from relaypanel.look import days

KINDS: Final[dict[Code, str | Promise]] = {
    Code.ORDER_CHARGE: pgettext_lazy("movement", "Order"),
    Code.ORDER_REFUND: pgettext_lazy("movement", "Refund"),
    Code.DEPOSIT: pgettext_lazy("movement", "Top-up"),
    Code.BONUS: pgettext_lazy("movement", "Bonus"),
    Code.AFFILIATE: pgettext_lazy("movement", "Affiliate share"),
    Code.ADJUSTMENT: pgettext_lazy("movement", "Correction"),
    Code.WITHDRAWAL: pgettext_lazy("movement", "Withdrawal"),
}
ICONS: Final[dict[Code, str]] = {
    Code.ORDER_CHARGE: "shopping-cart",
    Code.ORDER_REFUND: "receipt-refund",
    Code.DEPOSIT: "cash",
    Code.BONUS: "gift",
    Code.AFFILIATE: "users",
    Code.ADJUSTMENT: "adjustments",
    Code.WITHDRAWAL: "cash-off",
}


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

    def wanted(self, *, user_id: int | None, order_id: int | None = None) -> Wanted:
        """Return what was asked for; what cannot be read leaves nothing out."""
        told = self.cleaned_data if self.is_valid() else {}
        kind, since, until = told.get("kind"), told.get("since"), told.get("until")
        return Wanted(
            code=Code(kind) if kind else None,
            user_id=user_id,
            order_id=order_id,
            since=days.begin(since) if since else None,
            until=days.end(until) if until else None,
        )
