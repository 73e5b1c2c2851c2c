"""The words this panel refuses with, as docs/api-v2.md has them."""

from __future__ import annotations

from typing import Final

from relaypanel.errors import Refused

INVALID_KEY: Final = "Invalid API key"
INCORRECT_ACTION: Final = "Incorrect action"
INCORRECT_SERVICE: Final = "Incorrect service ID"
BAD_LINK: Final = "Bad link"
DRIP_FEED_OFF: Final = "Drip-feed is disabled for this service"
NO_FUNDS: Final = "Not enough funds on balance"
INCORRECT_ORDER: Final = "Incorrect order ID"
TOO_MANY_IDS: Final = "Too many IDs: at most 100"
CANCEL_OFF: Final = "Cancel is disabled for this service"
CANCEL_TOO_LATE: Final = "The order can no longer be canceled"
REFILL_OFF: Final = "Refill is disabled for this service"
REFILL_TOO_SOON: Final = "The order is not completed"
REFILL_RUNNING: Final = "The refill task is not completed for this order"
REFILL_UNKNOWN: Final = "Refill not found"


class TurnedDown(Refused):
    """This panel's answer is no, in these words of the wire."""

    code = "turned_down"

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


def incorrect(field: str) -> str:
    return f"Incorrect {field}"


def too_few(minimum: int) -> str:
    return f"Quantity less than minimal {minimum}"


def too_many(maximum: int) -> str:
    return f"Quantity more than maximum {maximum}"
