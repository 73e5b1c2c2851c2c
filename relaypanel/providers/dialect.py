"""Reads the JSON, numbers, words and flags of other panels, whichever way they write them.

A panel may write one number as 157, "157" or 157.0, so a JSON number arrives here as the
text it was written with, and never as a float.  What cannot be read is None.
"""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, TypeAlias

from relaypanel import money
from relaypanel.contract import OrderType, OrderWord, RefillWord, SubscriptionWord

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json] | None"

WHOLE_MAX: Final = 2**63 - 1
SERVICE_ID_CHARACTERS_MAX: Final = 40

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_ID = re.compile(r"([1-9][0-9]{0,18})(?:\.0+)?", re.ASCII)
# Wide enough for every number that _NUMBER lets through, so that nothing is rounded twice.
_EXACT = Context(prec=300, rounding=ROUND_HALF_UP)


class NotJson(Exception):
    """The body is not one strict JSON document."""


def decode(body: bytes) -> Json:
    """Return the document, its numbers as text.  Raises NotJson.

    A document that names a key twice is refused: nobody knows which of the two is meant.
    """
    try:
        # PHP files that were saved with a byte order mark put it before their answers.
        text = body.decode("utf-8-sig")
        document: Json = json.loads(
            text,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        raise NotJson from None
    return document


def amount_e8(value: Json) -> int | None:
    """Return a sum of money, rounded half up to eight decimals."""
    number = _number(value)
    if number is None:
        return None
    amount = int(number.scaleb(8, _EXACT).quantize(Decimal(1), context=_EXACT))
    return amount if abs(amount) <= money.MAX_E8 else None


def whole(value: Json) -> int | None:
    """Return a whole number that fits a column of 64 bits; 157.0 is one."""
    number = _number(value)
    if number is None or abs(number) > WHOLE_MAX or number != number.to_integral_value():
        return None
    return int(number)


def identifier(value: Json) -> str | None:
    """Return the ID of an order or a refill: a positive whole number, as text."""
    match = _ID.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match and int(match[1]) <= WHOLE_MAX else None


def service_id(value: Json) -> str | None:
    """Return the ID of a service as it came: not every panel numbers them."""
    found = text(value)
    fits = 0 < len(found) <= SERVICE_ID_CHARACTERS_MAX and found.isprintable()
    return found if fits else None


def text(value: Json) -> str:
    """Return text that both databases take, "" for anything else."""
    if not isinstance(value, str):
        return ""
    # JSON can spell half a surrogate pair and a NUL; PostgreSQL takes neither.
    return value.encode(errors="replace").decode().replace("\0", "").strip()


def flag(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in _TRUE)


def letters(value: Json) -> str:
    """Return the letters alone, small: "in_progress" and "In Progress" are one word."""
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def order_type(value: Json) -> OrderType | None:
    return _ORDER_TYPES.get(letters(value))


def order_word(value: Json) -> OrderWord | None:
    return _ORDER_WORDS.get(letters(value))


def refill_word(value: Json) -> RefillWord | None:
    return _REFILL_WORDS.get(letters(value))


def subscription_word(value: Json) -> SubscriptionWord | None:
    return _SUBSCRIPTION_WORDS.get(letters(value))


def _number(value: Json) -> Decimal | None:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return None
    return Decimal(value.strip())


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key comes twice")
    return read


_TRUE = frozenset(("1", "true", "yes", "on"))

_ORDER_TYPES = {letters(kind.value): kind for kind in OrderType}

# A failed order and a refunded one were not delivered and not kept: the market gives the
# whole charge back for both, which is what Canceled says.
_ORDER_WORDS = {letters(word.value): word for word in OrderWord} | {
    "cancelled": OrderWord.CANCELED,
    "refunded": OrderWord.CANCELED,
    "fail": OrderWord.CANCELED,
    "failed": OrderWord.CANCELED,
    "error": OrderWord.CANCELED,
    "complete": OrderWord.COMPLETED,
}

_REFILL_WORDS = {letters(word.value): word for word in RefillWord} | {
    "processing": RefillWord.IN_PROGRESS,
    "canceled": RefillWord.REJECTED,
    "cancelled": RefillWord.REJECTED,
    "fail": RefillWord.REJECTED,
    "failed": RefillWord.REJECTED,
}

_SUBSCRIPTION_WORDS = {letters(word.value): word for word in SubscriptionWord} | {
    "cancelled": SubscriptionWord.CANCELED,
}
