"""Exact money: whole numbers of 10^-8 of the panel's currency, named `*_e8`.

Rates have at most five decimals, so a charge (rate × quantity ÷ 1000) and every refund
by quantity come out whole.  No float and no DecimalField: SQLite stores those as REAL.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

ONE_E8: Final = 10**8

# Rates are multiples of 10^-5, which keeps rate × quantity ÷ 1000 whole.
RATE_STEP_E8: Final = 10**3

# What an account can hold: below 2^63 - 1, past which SQLite turns a sum into a REAL.
MAX_E8: Final = 9 * 10**18

_AMOUNT = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,8}))?", re.ASCII)


def parse(text: str) -> int:
    """Return the amount in e8 that plain decimal text says: "0.27819" is 27_819_000.

    At most eight decimals, no sign, no exponent, no grouping.  Raises ValueError.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("not an amount: digits with at most eight decimals")
    whole, fraction = match[1], match[2] or ""
    amount_e8 = int(whole) * ONE_E8 + int(fraction.ljust(8, "0"))
    if amount_e8 > MAX_E8:
        raise ValueError("the amount is larger than an account can hold")
    return amount_e8


def text(amount_e8: int) -> str:
    """Return the shortest exact decimal text: no exponent, no trailing zeros."""
    if amount_e8 < 0:
        return f"-{text(-amount_e8)}"
    whole, fraction = divmod(amount_e8, ONE_E8)
    return f"{whole}.{fraction:08d}".rstrip("0") if fraction else str(whole)


def price(*, rate_e8: int, quantity: int, rate_per: int) -> int:
    """Return the exact price in e8 of `quantity` pieces at `rate_e8` for each `rate_per` pieces."""
    assert rate_e8 >= 0
    assert rate_e8 % RATE_STEP_E8 == 0
    assert quantity >= 0
    assert rate_per in (1, 1000)
    price_e8, rest = divmod(rate_e8 * quantity, rate_per)
    assert rest == 0
    return price_e8


def rate(*, rate_e8: int, percent: Decimal) -> int:
    """Return `percent` of a rate, rounded half up to the five decimals that a rate may have.

    A positive rate never becomes free: it stays at 0.00001 at the least.
    """
    assert rate_e8 >= 0
    assert percent >= 0
    steps = (Decimal(rate_e8) * percent / 100 / RATE_STEP_E8).quantize(
        Decimal(1), rounding=ROUND_HALF_UP
    )
    if rate_e8 > 0 and percent > 0:
        steps = max(steps, Decimal(1))
    return int(steps) * RATE_STEP_E8
