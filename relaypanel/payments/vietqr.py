"""VietQR: the text that a Vietnamese banking app reads from a QR code.

An EMVCo merchant-presented payload with the template of NAPAS: fields of a two-digit number, a
two-digit length and a value, closed by a CRC.  Source: NAPAS, "QR code format for NAPAS247
transfers", and EMV QRCPS Merchant-Presented Mode 1.1.
"""

from __future__ import annotations

import re
from typing import Final

_NAPAS: Final = "A000000727"
_TO_ACCOUNT: Final = "QRIBFTTA"
_DONG: Final = "704"  # ISO 4217

_BIN: Final = re.compile(r"[0-9]{6}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{1,19}", re.ASCII)
_PURPOSE: Final = re.compile(r"[A-Za-z0-9 ]{1,25}", re.ASCII)


def payload(*, bank_bin: str, account: str, amount: int, purpose: str) -> str:
    """Return the text for a transfer of `amount` dong to an account, with words for the receiver.

    `bank_bin` is the number of the bank at NAPAS, like 970436; `purpose` is plain ASCII, because
    banks drop accents.
    """
    assert _BIN.fullmatch(bank_bin)
    assert _ACCOUNT.fullmatch(account)
    assert _PURPOSE.fullmatch(purpose)
    assert 0 < amount < 10**13
    receiver = _field(0, bank_bin) + _field(1, account)
    merchant = _field(0, _NAPAS) + _field(1, receiver) + _field(2, _TO_ACCOUNT)
    text = (
        _field(0, "01")
        + _field(1, "12")  # for one payment, of this amount
        + _field(38, merchant)
        + _field(53, _DONG)
        + _field(54, str(amount))
        + _field(58, "VN")
        + _field(62, _field(8, purpose))
        + "6304"
    )
    return f"{text}{crc(text.encode()):04X}"


def is_account(*, bank_bin: str, account: str) -> bool:
    """Tell whether a code can be drawn for it."""
    return bool(_BIN.fullmatch(bank_bin) and _ACCOUNT.fullmatch(account))


def crc(data: bytes) -> int:
    """Return the CRC-16 that EMVCo asks for: polynomial 1021, begun with FFFF."""
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return register


def _field(number: int, value: str) -> str:
    return f"{number:02d}{len(value):02d}{value}"
