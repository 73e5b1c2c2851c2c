"""The forms of the catalogue: what is looked for, and what is changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from relaypanel import money
from relaypanel.catalogue.inventory import Wanted
from relaypanel.catalogue.models import Category, Visibility
from relaypanel.contract import OrderType
from relaypanel.providers.models import Provider
from relaypanel.staff.templatetags.desk import SALES

# What a person may set; the mirror alone pauses.
_SETTABLE: Final = (Visibility.ENABLED, Visibility.HIDDEN, Visibility.DISABLED)


def _category(*, required: bool) -> forms.ModelChoiceField[Category]:
    return forms.ModelChoiceField(
        Category.objects.select_related("platform").order_by("platform__position", "position"),
        label=gettext_lazy("Category"),
        required=required,
    )


def _visibility() -> forms.ChoiceField:
    as_it_is = ("", gettext_lazy("As it is"))
    settable = ((one, SALES[one][1]) for one in _SETTABLE)
    return forms.ChoiceField(
        label=gettext_lazy("State"), required=False, choices=[as_it_is, *settable]
    )


class Filter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Name or ID"), required=False, max_length=100)
    category = _category(required=False)
    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"), label=gettext_lazy("Provider"), required=False
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("Any")), *((one, words) for one, (_, words) in SALES.items())],
    )
    manual = forms.BooleanField(label=gettext_lazy("Delivered by staff"), required=False)
    doubled = forms.BooleanField(label=gettext_lazy("Sold more than once"), required=False)

    def wanted(self) -> Wanted:
        if not self.is_valid():
            return Wanted()
        told = self.cleaned_data
        return Wanted(
            text=told["q"],
            category_id=told["category"].pk if told["category"] else None,
            provider_id=told["provider"].pk if told["provider"] else None,
            visibility=told["visibility"],
            manual=told["manual"],
            doubled=told["doubled"],
        )


class BulkForm(forms.Form):
    """What is empty stays as it is."""

    percent = forms.CharField(
        label=gettext_lazy("Price, by percent"),
        required=False,
        max_length=10,
        help_text=gettext_lazy("5 makes it dearer, -5 cheaper. It is then locked."),
        validators=[RegexValidator(r"\A-?[0-9]{1,4}(\.[0-9]{1,2})?\Z")],
    )
    amount = forms.CharField(
        label=gettext_lazy("Price, by amount"),
        required=False,
        max_length=20,
        help_text=gettext_lazy("0.5 makes it dearer, -0.5 cheaper."),
        validators=[RegexValidator(r"\A-?[0-9]{1,9}(\.[0-9]{1,5})?\Z")],
    )
    category = _category(required=False)
    visibility = _visibility()

    def clean_percent(self) -> Decimal | None:
        text: str = self.cleaned_data["percent"]
        percent = Decimal(text) if text else None
        if percent is not None and percent <= -100:
            raise forms.ValidationError(_("Nothing would be left of the price."))
        return percent

    def clean_amount(self) -> int:
        text: str = self.cleaned_data["amount"]
        amount_e8 = money.parse(text.removeprefix("-")) if text else 0
        return -amount_e8 if text.startswith("-") else amount_e8


class ServiceForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=500)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("Plain text, as customers read it."),
    )
    category = _category(required=True)
    rate = forms.CharField(label=gettext_lazy("Rate"), max_length=20)
    visibility = _visibility()
    rate_locked = forms.BooleanField(
        label=gettext_lazy("Keep this rate, whatever the provider does"), required=False
    )
    name_locked = forms.BooleanField(
        label=gettext_lazy("Keep these words, whatever the provider does"), required=False
    )
    one_order_per_link = forms.BooleanField(
        label=gettext_lazy("One running order for each link"), required=False
    )
    auto_refill = forms.BooleanField(
        label=gettext_lazy("Refill by itself when it drops"), required=False
    )
    refill_after_hours = forms.IntegerField(
        label=gettext_lazy("Hours until a refill may be asked"), min_value=0, max_value=720
    )


class OfferForm(forms.Form):
    """What a provider says of a service that it fulfils, and staff of one that they deliver."""

    min = forms.IntegerField(label=gettext_lazy("At least"), min_value=1, max_value=2**31 - 1)
    max = forms.IntegerField(label=gettext_lazy("At most"), min_value=1, max_value=2**31 - 1)
    refill_days = forms.IntegerField(
        label=gettext_lazy("Days in which a refill may be asked"),
        required=False,
        min_value=1,
        max_value=3650,
        help_text=gettext_lazy("Empty: no refill."),
    )
    cancel = forms.BooleanField(label=gettext_lazy("May be canceled"), required=False)
    dripfeed = forms.BooleanField(label=gettext_lazy("Offers drip-feed"), required=False)


class NewForm(OfferForm):
    type = forms.ChoiceField(
        label=gettext_lazy("Type"), choices=[(one.value, one.value) for one in OrderType]
    )
    name = ServiceForm.base_fields["name"]
    description = ServiceForm.base_fields["description"]
    category = _category(required=True)
    rate = ServiceForm.base_fields["rate"]

    field_order = ("type", "name", "description", "category", "rate")


class RouteForm(forms.Form):
    provider = forms.ModelChoiceField(
        Provider.objects.order_by("name"), label=gettext_lazy("Provider")
    )
    upstream_id = forms.CharField(label=gettext_lazy("ID of the service there"), max_length=40)
