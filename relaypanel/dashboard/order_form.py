"""The form of a new order: exactly the fields that the type of its service takes.

What they hold is judged by the domain's own parser, as for the API; the form only draws them and
shows what was refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from relaypanel.catalogue.search import Found
from relaypanel.contract import DELAYS_MINUTES, FIELDS, TYPES, Kind, OrderType

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words = str | _StrPromise

# Whoever lists orders by their client_ref sees which came from the pages.
REF_PREFIX: Final = "page:"

_LABELS: Final[Mapping[str, Words]] = {
    "link": _("Link"),
    "quantity": _("Quantity"),
    "runs": _("Runs"),
    "interval": _("Minutes between two runs"),
    "comments": _("Comments"),
    "usernames": _("Profile names"),
    "hashtags": _("Hashtags"),
    "keywords": _("Keywords"),
    "groups": _("Groups"),
    "hashtag": _("Hashtag"),
    "username": _("Profile name"),
    "media": _("Link of the media"),
    "answer_number": _("Number of the answer"),
    "min": _("Least per post"),
    "max": _("Most per post"),
    "posts": _("New posts"),
    "old_posts": _("Old posts"),
    "delay": _("Delay in minutes"),
    "expiry": _("Last day"),
    "country": _("Country"),
    "device": _("Device"),
    "type_of_traffic": _("Where visitors come from"),
    "google_keyword": _("Google keyword"),
    "referring_url": _("Page they come from"),
}
_HELP: Final[Mapping[str, Words]] = {
    "runs": _("Empty: everything at once. Each run delivers the quantity above."),
    "answer_number": _("The first answer of the poll is 1."),
    "posts": _("How many new posts are served. Empty: every one until the last day."),
    "old_posts": _("How many posts that are there already are served too."),
    "delay": _("How long after a post appears the delivery begins."),
    "expiry": _("Day/month/year, like 31/12/2027. Empty: no last day."),
    "country": _("Two letters, like VN; WW for the whole world."),
    "hashtag": _("Its followers or posts are the source."),
    "media": _("People who liked it are mentioned."),
    "google_keyword": _("Needed when visitors come from Google."),
    "referring_url": _("Needed when visitors come from another page."),
}
_ONE_A_LINE: Final = _("One a line.")
_ONE_A_LINE_COUNTED: Final = _("One a line. The number of lines is the quantity.")
_CHOICES: Final[Mapping[str, Mapping[int, Words]]] = {
    "device": {
        1: _("Desktop"),
        2: _("Mobile: Android"),
        3: _("Mobile: iOS"),
        4: _("Mobile: mixed"),
        5: _("All devices"),
    },
    "type_of_traffic": {
        1: _("Google"),
        2: _("Another page"),
        3: _("Directly, without a source"),
    },
    "delay": {minutes: str(minutes) for minutes in sorted(DELAYS_MINUTES)},
}


def label(name: str) -> Words:
    """Return what people call a field of the wire."""
    return _LABELS[name]


def names(service: Found) -> list[str]:
    """Return the wire names of the fields that an order of this service takes."""
    spec = TYPES[OrderType(service.type)]
    drip_feed = ("runs", "interval") if spec.drip_feed and service.dripfeed else ()
    return [*spec.needed, *spec.optional, *drip_feed]


def new_ref() -> str:
    """Return a name under which a form buys once, however often it is sent."""
    return f"{REF_PREFIX}{secrets.token_urlsafe(12)}"


class OrderForm(forms.Form):
    """Text in, text out: `raw` is what the domain is given."""

    def __init__(self, service: Found, data: Mapping[str, str] | None, **options: Any) -> None:
        super().__init__(data, **options)
        for name in names(service):
            self.fields[name] = _field(name, service)

    @property
    def raw(self) -> dict[str, str]:
        return {name: self.data.get(name, "") for name in self.fields}

    def refuse(self, name: str, words: str) -> None:
        """Put a refusal beside its field, or above the form where it is of none."""
        self.full_clean()
        self.add_error(self._place(name), words)

    def _place(self, name: str) -> str | None:
        if name in self.fields:
            return name
        # What is counted line by line has no quantity of its own, and a subscription two.
        stand_ins: Iterable[str] = ("comments", "usernames", "max") if name == "quantity" else ()
        return next((other for other in stand_ins if other in self.fields), None)


def _field(name: str, service: Found) -> forms.Field:
    rule = FIELDS[name]
    if name in _CHOICES:
        choices = [(str(value), words) for value, words in _CHOICES[name].items()]
        field: forms.Field = forms.ChoiceField(choices=choices)
    else:
        field = forms.CharField(widget=_widget(rule.kind), strip=False)
    field.label = _LABELS[name]
    field.help_text = _help(name, service)
    # Judged by the domain, which knows more; the browser's own complaints would speak its language.
    field.required = False
    return field


def _widget(kind: Kind) -> forms.Widget:
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    if kind is Kind.LINES:
        return forms.Textarea(attrs=attributes | {"rows": "5"})
    if kind is Kind.NUMBER:
        return forms.TextInput(attrs=attributes | {"inputmode": "numeric"})
    if kind is Kind.LINK:
        return forms.TextInput(attrs=attributes | {"inputmode": "url", "placeholder": "https://"})
    return forms.TextInput(attrs=attributes)


def _help(name: str, service: Found) -> Words:
    spec = TYPES[OrderType(service.type)]
    if name == spec.quantity and name != "quantity":
        return _ONE_A_LINE_COUNTED
    if FIELDS[name].kind is Kind.LINES:
        return _ONE_A_LINE
    return _HELP.get(name, "")
