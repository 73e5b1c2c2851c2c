"""Every gateway that a payment method may name."""

from __future__ import annotations

from typing import Final

from relaypanel.payments.gateways.interface import Gateway
from relaypanel.payments.gateways.signed import Signed

GATEWAYS: Final[dict[str, Gateway]] = {
    "signed": Signed(),
}
