"""The chart of accounts: a customer's account has the number of its user, houses are negative."""

from __future__ import annotations

from typing import Final

SALES: Final = -1  # what customers paid for orders, less what they got back
CASH: Final = -2  # the outside: deposits come from here, withdrawals go there
ADJUSTMENTS: Final = -3  # what staff gave or took by hand
PROMOTIONS: Final = -4  # what the panel gives away: bonuses, and what affiliates earn

HOUSES: Final = (SALES, CASH, ADJUSTMENTS, PROMOTIONS)


def customer(user_id: int) -> int:
    assert user_id > 0
    return user_id
