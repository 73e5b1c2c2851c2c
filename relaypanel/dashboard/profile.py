"""Who a user is to us, and how pages speak to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from relaypanel import money
from relaypanel.accounts import profile
from relaypanel.accounts.models import Theme, User
from relaypanel.accounts.profile import Profile
from relaypanel.look.context import THEME_COOKIE
from relaypanel.look.page import PageRequest
from relaypanel.payments import currencies, low_balance
from relaypanel.storefront import profile as storefront

_LANGUAGES: Final[list[tuple[str, str | Promise]]] = [
    ("", gettext_lazy("As the browser asks")),
    *((str(code), str(name)) for code, name in settings.LANGUAGES),
]
_THEMES: Final = (
    (Theme.AUTO, pgettext_lazy("theme", "As the device is set")),
    (Theme.LIGHT, pgettext_lazy("theme", "Light")),
    (Theme.DARK, pgettext_lazy("theme", "Dark")),
)

ZONES: Final = [("", "UTC"), *((name, name) for name in profile.time_zones() if name != "UTC")]


class ProfileForm(forms.Form):
    display_name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("What we call you. Empty: your username."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
    )
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)
    theme = forms.ChoiceField(label=gettext_lazy("Colours"), choices=_THEMES)
    second_currency = forms.ChoiceField(
        label=gettext_lazy("Second currency"),
        required=False,
        help_text=gettext_lazy("Your balance is shown in it too, roughly. You pay as before."),
    )
    low_balance = forms.CharField(
        label=gettext_lazy("Tell me when my balance falls below"),
        required=False,
        max_length=24,
        help_text=gettext_lazy("Empty: never."),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._offer("time_zone", ZONES)
        offered = storefront.shown().offered
        self._offer("language", [one for one in _LANGUAGES if one[0] in ("", *offered)])
        codes = currencies.all_codes()
        self._offer("second_currency", [("", "—"), *((code, code) for code in codes)])
        if not codes:
            del self.fields["second_currency"]

    def clean_low_balance(self) -> int | None:
        text = self.cleaned_data["low_balance"].replace(" ", "")
        try:
            amount_e8 = money.parse(text) if text else None
        except ValueError:
            words = _("Write the amount in digits, like 50 or 12.50.")
            raise forms.ValidationError(words) from None
        return amount_e8 or None

    def _offer(self, name: str, choices: Sequence[tuple[str, str | Promise]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)


@login_required
@require_http_methods(["GET", "POST"])
def page(request: PageRequest) -> HttpResponse:
    form = ProfileForm(request.POST) if request.method == "POST" else _filled(request.user)
    if form.is_bound and form.is_valid():
        return _saved(request, form)
    return render(
        request, "dashboard/settings/profile.html", {"form": form, "tab": "profile", "zones": ZONES}
    )


def _filled(user: User) -> ProfileForm:
    threshold_e8 = low_balance.threshold_e8(user.pk)
    return ProfileForm(
        initial={
            "display_name": user.display_name,
            "language": user.language,
            "time_zone": user.time_zone,
            "theme": user.theme,
            "second_currency": user.second_currency,
            "low_balance": "" if threshold_e8 is None else money.text(threshold_e8),
        }
    )


def _saved(request: PageRequest, form: ProfileForm) -> HttpResponse:
    told = form.cleaned_data
    profile.save(
        user_id=request.user.pk,
        profile=Profile(
            display_name=told["display_name"],
            language=told["language"],
            time_zone=told["time_zone"],
            theme=Theme(told["theme"]),
            second_currency=told.get("second_currency", ""),
        ),
    )
    low_balance.watch(user_id=request.user.pk, threshold_e8=told["low_balance"])
    messages.success(request, _("Your settings are saved."))
    answer = redirect("dashboard:settings")
    # The switches of the top bar left cookies in this browser, which would have the last word.
    answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    answer.delete_cookie(THEME_COOKIE)
    return answer
