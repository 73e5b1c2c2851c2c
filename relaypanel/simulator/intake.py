"""Reads an `add` call for one service: what is wanted, or the words why it is not taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relaypanel.contract import FIELDS, TYPES, Field, Kind, OrderType, TypeSpec
from relaypanel.simulator import words
from relaypanel.simulator.catalogue import Offer
from relaypanel.simulator.words import TurnedDown

Value = int | str | tuple[str, ...]

# What clients in the field send for a field that their page left alone.
_ABSENT: Final = frozenset(("", "undefined", "null"))

# Longer than any number of the wire, short enough to read at once.
_DIGITS_MAX: Final = 18

_LINK_LENGTH_MAX: Final = 2000

# A subscription is open-ended without `posts`; here it has to end while somebody watches.
POSTS_DEFAULT: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What one `add` asks for.  `target` is the link, or of a subscription the username.

    A drip-feed is one order of all its runs.  Of a subscription `quantity` is that of one
    post, `posts` how many it ends after, and `expiry` the date as it was given.
    """

    target: str
    quantity: int
    posts: int = 0
    expiry: str | None = None


def read(*, offer: Offer, form: Mapping[str, str]) -> Wish:
    """Return what is asked of the service, or raise TurnedDown."""
    spec = TYPES[offer.type]
    values = {name: _value(name, form) for name in spec.needed}
    values |= {name: _value(name, form) for name in spec.optional if _is_given(form, name)}
    _check_what_a_choice_needs(spec, values)
    if offer.type is OrderType.SUBSCRIPTIONS:
        return _subscription(offer, values)
    quantity = _quantity(spec, values)
    if spec.quantity is not None:
        _check_bounds(offer, quantity, quantity * _runs(offer, form))
    return Wish(target=str(values["link"]), quantity=quantity * _runs(offer, form))


def whole_number(text: str) -> int | None:
    """Return the plain decimal number that `text` is, or None."""
    text = text.strip()
    plain = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    return int(text) if plain else None


def _value(name: str, form: Mapping[str, str]) -> Value:
    value = _parsed(FIELDS[name], form.get(name, ""))
    if value is None:
        raise TurnedDown(words.BAD_LINK if name == "link" else words.incorrect(name))
    return value


def _parsed(field: Field, text: str) -> Value | None:
    """Return the field's value, or None when the text does not make one."""
    text = text.strip()
    match field.kind:
        case Kind.NUMBER:
            return _bounded(field, whole_number(text))
        case Kind.LINES:
            return tuple(line.strip() for line in text.splitlines() if line.strip()) or None
        case Kind.DATE:
            return text if _is_date(text) else None
        case Kind.LINK:
            return text if _is_link(text) else None
    assert field.kind is Kind.LINE
    return text if len(text.splitlines()) == 1 else None


def _bounded(field: Field, number: int | None) -> int | None:
    if number is None or not field.least <= number <= field.most:
        return None
    return None if field.choices and number not in field.choices else number


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%d/%m/%Y")  # noqa: DTZ007 - a day has no hour and no zone
    except ValueError:
        return False
    return True


def _is_link(text: str) -> bool:
    return 0 < len(text) <= _LINK_LENGTH_MAX and text.isprintable() and " " not in text


def _is_given(form: Mapping[str, str], name: str) -> bool:
    return form.get(name, "").strip() not in _ABSENT


def _check_what_a_choice_needs(spec: TypeSpec, values: Mapping[str, Value]) -> None:
    for name, needed_by_choice in (spec.when or {}).items():
        for choice, needed in needed_by_choice.items():
            if values[name] == choice and needed not in values:
                raise TurnedDown(words.incorrect(needed))


def _subscription(offer: Offer, values: Mapping[str, Value]) -> Wish:
    least, most = _number(values["min"]), _number(values["max"])
    if most < least:
        raise TurnedDown(words.incorrect("max"))
    _check_bounds(offer, least, most)
    return Wish(
        target=str(values["username"]),
        quantity=least,
        posts=_number(values.get("posts", POSTS_DEFAULT)),
        expiry=str(values["expiry"]) if "expiry" in values else None,
    )


def _quantity(spec: TypeSpec, values: Mapping[str, Value]) -> int:
    if spec.quantity is None:
        return 1
    value = values[spec.quantity]
    return len(value) if isinstance(value, tuple) else _number(value)


def _check_bounds(offer: Offer, least: int, most: int) -> None:
    if least < offer.min:
        raise TurnedDown(words.too_few(offer.min))
    if most > offer.max:
        raise TurnedDown(words.too_many(offer.max))


def _runs(offer: Offer, form: Mapping[str, str]) -> int:
    """Return how often the quantity is delivered: 1 for anything but a drip-feed."""
    if not TYPES[offer.type].drip_feed or not _is_given(form, "runs"):
        return 1
    if not offer.dripfeed:
        raise TurnedDown(words.DRIP_FEED_OFF)
    runs, _ = _value("runs", form), _value("interval", form)
    return _number(runs)


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value
