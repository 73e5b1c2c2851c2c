"""Reads what a call of the admin API says: a query for looking, JSON or a form for acting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from relaypanel import money
from relaypanel.errors import Refused

# One spelling for each number; eighteen digits fit the databases' big integers.
_ID: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
IDS_MAX: Final = 100
# The year 3000, which every date of ours can be.
_SECONDS_MAX: Final = 32_503_680_000
_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")


class BadField(Refused):
    """A field is missing, or does not read as what it should be."""

    code = "bad_field"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class UnknownField(Refused):
    """A filter that we do not keep: passing it over would show what nobody asked for."""

    code = "unknown_field"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class UnreadableBody(Refused):
    code = "unreadable_body"


class Fields:
    """The fields of a call by name, each read as what its route expects it to be."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def only(self, names: frozenset[str]) -> None:
        """Raise UnknownField for the first field that is none of these."""
        for name in sorted(self._values.keys() - names):
            raise UnknownField(name)

    def has(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or not value or _UNWRITABLE.search(value):
            raise BadField(name)
        return value

    def text_or(self, name: str, default: str) -> str:
        return self.text(name) if self.has(name) else default

    def number(self, name: str) -> int:
        value = self._values.get(name)
        said = str(value) if isinstance(value, int | str) and value is not True else ""
        if not _ID.fullmatch(said):
            raise BadField(name)
        return int(said)

    def number_or_none(self, name: str) -> int | None:
        return self.number(name) if self.has(name) else None

    def numbers(self, *names: str) -> list[int]:
        """Return the IDs under the first of these names: one, a list, or text with commas."""
        name = next((one for one in names if self.has(one)), names[0])
        value = self._values.get(name)
        items = value if isinstance(value, list) else str(value or "").split(",")
        read = [Fields({name: item.strip() if isinstance(item, str) else item}) for item in items]
        found = [one.number(name) for one in read]
        if not 0 < len(found) <= IDS_MAX:
            raise BadField(name)
        return list(dict.fromkeys(found))

    def amount_e8(self, name: str) -> int:
        """Return an amount: text, a number as it is written, or {"value": …}."""
        value = self._values.get(name)
        if isinstance(value, Mapping):
            value = value.get("value")
        try:
            return money.parse(str(value))
        except ValueError:
            raise BadField(name) from None

    def moment_or_none(self, name: str) -> datetime | None:
        """Return the moment that so many seconds since 1970 say."""
        seconds = self.number_or_none(name)
        if seconds is None:
            return None
        if seconds > _SECONDS_MAX:
            raise BadField(name)
        return datetime.fromtimestamp(seconds, UTC)


def read(request: HttpRequest) -> Fields:
    """Return the fields of a call.  Raises UnreadableBody."""
    if request.method == "GET":
        return Fields({name: request.GET[name] for name in request.GET})
    try:
        body = request.body
        if request.content_type == "application/json":
            decoded = _json(body) if body else {}
        else:
            decoded = {name: request.POST[name] for name in request.POST}
    except (RequestDataTooBig, UnreadablePostError):
        raise UnreadableBody from None
    if not isinstance(decoded, dict):
        raise UnreadableBody
    return Fields(decoded)


def _json(body: bytes) -> Any:
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise UnreadableBody from None


# Fractions stay as they were written, so that an amount is exact.
_DECODER: Final = msgspec.json.Decoder(float_hook=str)
