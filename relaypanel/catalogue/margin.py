"""Whether a sale pays for itself.  All pure, all whole numbers, every cost rounded up."""

from __future__ import annotations

from relaypanel import money


def cost(*, rate_e8: int, rate_to_panel_e8: int | None, quantity: int, rate_per: int) -> int:
    """Return in e8 of the panel's currency what a provider takes for `quantity` pieces.

    `rate_e8` is in the provider's currency and buys `rate_per` pieces; `rate_to_panel_e8` is what
    one unit of that currency costs in the panel's, None when it is the same one.
    """
    assert quantity >= 0
    assert rate_per in (1, 1000)
    exact = rate_e8 * quantity * _to_panel(rate_to_panel_e8)
    return -(-exact // (rate_per * money.ONE_E8))


def rate_cost(*, rate_e8: int, rate_to_panel_e8: int | None) -> int:
    """Return in e8 of the panel's currency what a provider takes for what its rate buys."""
    return cost(rate_e8=rate_e8, rate_to_panel_e8=rate_to_panel_e8, quantity=1, rate_per=1)


def covers(*, cost_e8: int, charge_e8: int) -> bool:
    """Return whether a charge pays for a cost, both in the panel's currency."""
    return cost_e8 <= charge_e8


def price(*, rate_e8: int, rate_to_panel_e8: int | None, percent_e2: int, fixed_e8: int) -> int:
    """Return a provider's rate with a mark-up, as our rate: up to the next of its five decimals.

    `percent_e2` is in hundredths of a percent of the cost, `fixed_e8` in the panel's currency.
    """
    assert percent_e2 >= 0
    assert fixed_e8 >= 0
    unit = 10_000 * money.ONE_E8
    exact = rate_e8 * _to_panel(rate_to_panel_e8) * (10_000 + percent_e2) + fixed_e8 * unit
    steps = -(-exact // (unit * money.RATE_STEP_E8))
    return steps * money.RATE_STEP_E8


def _to_panel(rate_to_panel_e8: int | None) -> int:
    return money.ONE_E8 if rate_to_panel_e8 is None else rate_to_panel_e8
