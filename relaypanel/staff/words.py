"""What staff read when something was refused or failed.  A new refusal is one line in WORDS."""

from __future__ import annotations

from typing import Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from relaypanel.errors import ProviderError, Refused

# Filled with the refusal's attributes.
WORDS: Final[dict[str, str | Promise]] = {
    "bad_key": gettext_lazy("That is not an API key: copy it as the provider shows it."),
    "bad_settings": gettext_lazy("That cannot be saved: %(words)s"),
    "bad_url": gettext_lazy(
        "That is not an address of an API. Write the whole of it, like "
        "https://panel.example/api/v2, without a name or password in it."
    ),
    "currency_costs_nothing": gettext_lazy("A currency costs more than nothing, like 0.00004."),
    "markup_out_of_range": gettext_lazy(
        "A mark-up is a percentage from 0 to 10000 with at most two decimals."
    ),
    "not_in_quarantine": gettext_lazy(
        "Somebody has decided on some of these already. Nothing was changed: look again."
    ),
    "not_on_price_list": gettext_lazy(
        "The provider no longer lists some of these. Nothing was added: look again."
    ),
    "no_such_rule": gettext_lazy("There is no such rule any more."),
    "nothing_to_undo": gettext_lazy("This change was taken back already."),
    "other_currency": gettext_lazy(
        "This provider charges in %(currency)s. Say first what one %(currency)s costs in your "
        "currency, under its price list settings."
    ),
    "price_list_too_old": gettext_lazy(
        "The price list is older than a day. Fetch it again before you sell from it."
    ),
    "rate_too_high": gettext_lazy(
        "The rate of %(upstream_id)s is higher than any account can pay. Leave it out."
    ),
    "still_below_cost": gettext_lazy(
        "Service %(service_id)s would be sold below its cost, because its rate is fixed. Raise "
        "the rate or let it follow a mark-up. Nothing was changed."
    ),
    "terms_out_of_range": gettext_lazy("One of these numbers is out of its range."),
    "unknown_category": gettext_lazy("The provider lists nothing in this category."),
}
# Beside which field the words stand; anything else stands above the form.
_FIELDS: Final = {"bad_key": "key", "bad_url": "url"}


def of(error: Exception) -> str:
    """Return what staff read; a provider's own words are for them too."""
    if isinstance(error, Refused):
        data = {name: getattr(error, name) for name in dir(error) if not name.startswith("_")}
        return str(WORDS[error.code]) % data
    if isinstance(error, ProviderError):
        return _("The provider did not do it: %(words)s") % {"words": error}
    assert isinstance(error, ValueError)
    return _("That is not an amount. Write it like 1.5.")


def field_of(error: Exception, form: forms.Form) -> str | None:
    """Return the form's field that an error is about, None: it is about the whole."""
    name = _FIELDS.get(getattr(error, "code", ""))
    return name if name in form.fields else None
