"""Amounts in other currencies; pure."""

from __future__ import annotations

from typing import Final

from relaypanel import money
from relaypanel.payments.models import WHOLE_BP

# Currencies whose coin is the whole unit.
_WITHOUT_CENTS: Final = frozenset(("VND", "JPY", "KRW", "IDR"))


def owed_e8(amount_e8: int, *, per_unit_e8: int, currency: str) -> int:
    """Return what is to be sent for an amount, up to the next coin of the currency."""
    coin_e8 = _coin_e8(currency)
    return -(-amount_e8 * per_unit_e8 // (money.ONE_E8 * coin_e8)) * coin_e8


def about_e8(amount_e8: int, *, per_unit_e8: int, currency: str) -> int:
    """Return roughly what an amount is worth, to the nearest coin."""
    coin_e8 = _coin_e8(currency)
    whole = money.ONE_E8 * coin_e8
    return (2 * amount_e8 * per_unit_e8 + whole) // (2 * whole) * coin_e8


def share_e8(base_e8: int, *, share_bp: int) -> int:
    """Return hundredths of a percent of an amount, rounded down to 10^-8."""
    return base_e8 * share_bp // WHOLE_BP


def _coin_e8(currency: str) -> int:
    return money.ONE_E8 if currency in _WITHOUT_CENTS else money.ONE_E8 // 100
