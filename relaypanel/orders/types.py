"""Reads what a caller sent for an order, by the table of types in contract.py.

The fields come as raw wire text.  What the type does not use is ignored, because real
clients send `runs=undefined` or a quantity beside comments on every call.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec

from relaypanel import errors
from relaypanel.catalogue.editions import Terms
from relaypanel.catalogue.models import Service
from relaypanel.contract import FIELDS, TYPES, Kind, OrderType, TypeSpec

# PostgreSQL indexes the link, and an index row holds 2,704 bytes.
LINK_BYTES_MAX: Final = 2048
LINE_CHARACTERS_MAX: Final = 500
# A subscription that should outlive this was mistyped.
EXPIRY_YEARS_MAX: Final = 10

# Some clients are written in JavaScript and send the text of a missing value.
_ABSENT: Final = frozenset(("", "undefined", "null"))
_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_DATE: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)
# Control characters, lone surrogates, the replacement character, and marks that reorder text:
# nobody types these, and they make one line look like another to the person who reads it.
_UNCLEAN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffd\u202a-\u202e\u2066-\u2069]"
)
_HOST: Final = re.compile(r"(?:[^\s./@:]+\.)+[^\s./@:\d]{2,}", re.UNICODE)


class BadLink(errors.Refused):
    code = "bad_link"


class IncorrectField(errors.Refused):
    """A field is missing or does not read as what it should be."""

    code = "incorrect_field"

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(field)


class QuantityTooSmall(errors.Refused):
    code = "quantity_too_small"

    def __init__(self, *, minimum: int) -> None:
        self.minimum = minimum
        super().__init__(f"below {minimum}")


class QuantityTooLarge(errors.Refused):
    code = "quantity_too_large"

    def __init__(self, *, maximum: int) -> None:
        self.maximum = maximum
        super().__init__(f"above {maximum}")


class DripFeedDisabled(errors.Refused):
    code = "drip_feed_disabled"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be delivered.  `quantity` is of one run; `runs` is 1 for a plain order."""

    link: str
    quantity: int
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    runs: int = 1
    interval_minutes: int = 0

    @property
    def is_drip_feed(self) -> bool:
        return self.interval_minutes > 0


def read(*, service: Service | Terms, raw: Mapping[str, str], now: datetime) -> Content:
    """Return the content of an order for `service`.  Raises a refusal, the wire's first one."""
    order_type = OrderType(service.type)
    spec = TYPES[order_type]
    values = {name: _value(name, raw, needed=name in spec.needed) for name in _used(order_type)}
    _require_conditional(spec, values)
    quantity = _quantity(service, spec, values)
    if order_type is OrderType.SUBSCRIPTIONS:
        _check_subscription(service, values, today=now.astimezone(UTC).date())
    runs, interval_minutes = _drip_feed(service, spec, raw, quantity)
    return Content(
        link=values.pop("link", None) or "",
        quantity=quantity,
        fields={name: text for name, text in values.items() if text and name != "quantity"},
        runs=runs,
        interval_minutes=interval_minutes,
    )


def is_clean(text: str) -> bool:
    """Whether a person could have typed the text, and both databases can hold it."""
    return _UNCLEAN.search(text) is None


@cache
def _used(order_type: OrderType) -> tuple[str, ...]:
    spec = TYPES[order_type]
    # The link and the quantity first: their refusals outrank the others on the wire.
    names = (*spec.needed, *spec.optional)
    return tuple(
        sorted(
            names,
            key=lambda name: (
                ("link", "quantity").index(name) if name in ("link", "quantity") else 2
            ),
        )
    )


def _value(name: str, raw: Mapping[str, str], *, needed: bool) -> str | None:
    text = raw.get(name, "")
    if text.strip() in _ABSENT:
        if needed:
            raise _refusal(name)
        return None
    return _READERS[FIELDS[name].kind](name, text)


def link(text: str) -> str:
    """Return a link as we keep it.  Raises BadLink."""
    try:
        return _link("link", text)
    except IncorrectField:
        raise BadLink from None


def _link(name: str, text: str) -> str:
    link = text.strip()
    if _UNCLEAN.search(link) or re.search(r"\s", link) or len(link.encode()) > LINK_BYTES_MAX:
        raise _refusal(name)
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
        host = parts.hostname or ""
    except ValueError:
        raise _refusal(name) from None
    if parts.scheme.lower() not in ("http", "https") or "@" in parts.netloc:
        raise _refusal(name)
    if not _is_public_host(host):
        raise _refusal(name)
    return link


# Orders name a few hosts again and again, and to find that one is no address takes as long as the
# rest of the link.
@lru_cache(maxsize=1024)
def _is_public_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return _HOST.fullmatch(host) is not None


def _line(name: str, text: str) -> str:
    line = text.strip()
    if "\n" in line or "\t" in line or len(line) > LINE_CHARACTERS_MAX or _UNCLEAN.search(line):
        raise _refusal(name)
    return line


def _lines(name: str, text: str) -> str:
    """Return the items that are not blank, each as it was written, one a line."""
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines or any(_UNCLEAN.search(line) for line in lines):
        raise _refusal(name)
    return "\n".join(lines)


def _number(name: str, text: str) -> str:
    rule = FIELDS[name]
    if not _NUMBER.fullmatch(text.strip()):
        raise _refusal(name)
    number = int(text)
    # The service bounds the quantity, with words of its own.
    if name != "quantity" and not rule.least <= number <= rule.most:
        raise _refusal(name)
    if rule.choices and number not in rule.choices:
        raise _refusal(name)
    return str(number)


def _date(name: str, text: str) -> str:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise _refusal(name)
    try:
        date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        raise _refusal(name) from None
    return f"{match[1]:0>2}/{match[2]:0>2}/{match[3]}"


_READERS: Final = {
    Kind.LINK: _link,
    Kind.LINE: _line,
    Kind.LINES: _lines,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
}


def _require_conditional(spec: TypeSpec, values: Mapping[str, str | None]) -> None:
    for chooser, needed_by_choice in (spec.when or {}).items():
        needed = needed_by_choice.get(int(values[chooser] or 0))
        if needed is not None and not values[needed]:
            raise IncorrectField(needed)


def _quantity(service: Service | Terms, spec: TypeSpec, values: Mapping[str, str | None]) -> int:
    if spec.quantity is None:
        return 1
    text = values[spec.quantity] or ""
    quantity = int(text) if spec.quantity == "quantity" else text.count("\n") + 1
    _check_bounds(service, least=quantity, most=quantity)
    return quantity


def _check_bounds(service: Service | Terms, *, least: int, most: int) -> None:
    if least < service.min:
        raise QuantityTooSmall(minimum=service.min)
    if most > service.max:
        raise QuantityTooLarge(maximum=service.max)


def _check_subscription(
    service: Service | Terms, values: Mapping[str, str | None], *, today: date
) -> None:
    least, most = int(values["min"] or 0), int(values["max"] or 0)
    _check_bounds(service, least=least, most=most)
    if least > most:
        raise IncorrectField("max")
    expiry = values["expiry"]
    if expiry is None:
        return
    day = datetime.strptime(expiry, "%d/%m/%Y").replace(tzinfo=UTC).date()
    if not today <= day <= today + timedelta(days=366 * EXPIRY_YEARS_MAX):
        raise IncorrectField("expiry")


def _drip_feed(
    service: Service | Terms, spec: TypeSpec, raw: Mapping[str, str], quantity: int
) -> tuple[int, int]:
    """Return (runs, minutes between them), or (1, 0) for an order that is not a drip-feed."""
    if not spec.drip_feed:
        return 1, 0
    if not service.dripfeed:
        # Sending it once to somebody who asked for five runs would be a wrong order.
        if _NUMBER.fullmatch(raw.get("runs", "").strip()) and int(raw["runs"]) > 1:
            raise DripFeedDisabled
        return 1, 0
    runs = _value("runs", raw, needed=_is_given("interval", raw))
    interval = _value("interval", raw, needed=_is_given("runs", raw))
    if runs is None or interval is None:
        return 1, 0
    if int(runs) * quantity > service.max:
        raise QuantityTooLarge(maximum=service.max)
    return int(runs), int(interval)


def _is_given(name: str, raw: Mapping[str, str]) -> bool:
    return raw.get(name, "").strip() not in _ABSENT


def _refusal(name: str) -> errors.Refused:
    return BadLink() if name == "link" else IncorrectField(name)
