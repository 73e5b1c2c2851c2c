"""Numbers as people read them.  Exact: what is shown is what is booked."""

from __future__ import annotations

from typing import Final

from relaypanel import money

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "VND": "₫", "INR": "₹", "JPY": "¥"}
# Currencies whose coin is the whole unit.
_WITHOUT_CENTS: Final = frozenset(("VND", "JPY", "KRW"))
_MINUS: Final = "\N{MINUS SIGN}"
_NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"


def amount(amount_e8: int, *, currency: str) -> str:
    """Return every digit of the amount: 128_456_000_000 is "$1,284.56".

    Grouped the same in every language, because people compare it with what the API says.
    """
    sign = _MINUS if amount_e8 < 0 else ""
    whole, _, fraction = money.text(abs(amount_e8)).partition(".")
    digits = count(int(whole))
    fraction = fraction.ljust(0 if currency in _WITHOUT_CENTS else 2, "0")
    number = f"{digits}.{fraction}" if fraction else digits
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number}{_NARROW_SPACE}{currency}"


def brief(amount_e8: int, *, currency: str) -> str:
    """Return the amount without what is less than a cent, where every digit has no room.

    Never more than there is.
    """
    least_e8 = money.ONE_E8 if currency in _WITHOUT_CENTS else money.ONE_E8 // 100
    return amount(amount_e8 // least_e8 * least_e8, currency=currency)


def count(number: int) -> str:
    return f"{number:,}".replace("-", _MINUS)


def percent(part: int, whole: int) -> int:
    """Return how much of the whole the part is, rounded down: 100 is said of all alone."""
    return min(100, max(0, part * 100 // whole)) if whole > 0 else 0


def trend(now: int, before: int) -> str | None:
    """Return by how much it grew, like "+8.1%", or None where there is nothing to compare with."""
    if before <= 0:
        return None
    tenths = (now - before) * 1000 // before
    whole, tenth = divmod(abs(tenths), 10)
    return f"{'+' if tenths >= 0 else _MINUS}{whole}.{tenth}%"
