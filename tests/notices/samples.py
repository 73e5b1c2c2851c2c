"""What may be told, one of each kind."""

from __future__ import annotations

from typing import Final

from relaypanel.notices.models import Kind

_ORDER: Final[dict[str, str | int]] = {
    "order": 812,
    "service": "Likes 👍",
    "link": "https://example.com/post/1",
    "quantity": 1000,
}
_BY: Final[dict[str, str | int]] = {"address": "203.0.113.7", "at": "2026-11-24T12:00:00+00:00"}

SAMPLES: Final[dict[Kind, dict[str, str | int]]] = {
    Kind.ORDER_COMPLETED: _ORDER,
    Kind.ORDER_PARTIAL: _ORDER | {"remains": 300, "refunded_e8": 27_000_000},
    Kind.ORDER_CANCELED: _ORDER | {"refunded_e8": 90_000_000},
    Kind.REFILL_COMPLETED: _ORDER | {"refill": 5},
    Kind.REFILL_REJECTED: _ORDER | {"refill": 5},
    Kind.LOW_BALANCE: {
        "balance_e8": 100_000_000,
        "threshold_e8": 500_000_000,
        "at": "2026-11-24T12:00:00+00:00",
    },
    Kind.TOPUP_CONFIRMED: {
        "topup": 3,
        "reference": "RP7K3QXM9T",
        "amount_e8": 5_000_000_000,
        "bonus_e8": 0,
    },
    Kind.TOPUP_REJECTED: {
        "topup": 3,
        "reference": "RP7K3QXM9T",
        "amount_e8": 5_000_000_000,
        "reason": "No transfer has come in.",
    },
    Kind.TICKET_ANSWERED: {"ticket": 4, "message": 9, "subject": "Where is it?"},
    Kind.NEW_SIGN_IN: _BY | {"device": "Firefox"},
    Kind.API_KEY_SHOWN: _BY,
    Kind.API_KEY_ROTATED: _BY,
    Kind.WEBHOOK_DISABLED: {
        "endpoint": 2,
        "url": "https://shop.example/hook",
        "at": "2026-11-24T12:00:00+00:00",
    },
    Kind.WEBHOOK_TEST: {"endpoint": 2, "at": "2026-11-24T12:00:00+00:00"},
}
