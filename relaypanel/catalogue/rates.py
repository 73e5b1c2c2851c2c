"""What one user pays: the rate agreed with them, else the service's rate less their discount."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from relaypanel import errors, money
from relaypanel.catalogue.models import Discount, UserRate


class BadRate(errors.Refused):
    code = "bad_rate"

    def __init__(self) -> None:
        super().__init__("A rate is a plain number with at most five decimals, like 1.5.")


def effective(*, rate_e8: int, user_rate_e8: int | None, discount_percent_e2: int | None) -> int:
    """Return the rate in e8 that a user pays; None means nothing was agreed with them.

    A discount is in hundredths of a percent.  It rounds half up to the five decimals of a rate,
    and makes a rate free only when it lets the user off everything.
    """
    assert rate_e8 >= 0
    if user_rate_e8 is not None:
        return user_rate_e8
    if not discount_percent_e2:
        return rate_e8
    assert 0 < discount_percent_e2 <= 10_000
    return money.rate(rate_e8=rate_e8, percent=100 - Decimal(discount_percent_e2) / 100)


def of_user(user_id: int | None, rates_e8: Mapping[int, int]) -> dict[int, int]:
    """Return what a user pays for services, given by ID with their own rates; None: a visitor.

    Two queries for any number of services, none for a visitor.
    """
    if user_id is None:
        return dict(rates_e8)
    agreed = UserRate.objects.filter(user_id=user_id, service_id__in=rates_e8)
    user_rates = dict(agreed.values_list("service_id", "rate_e8"))
    discount = Discount.objects.filter(user_id=user_id).values_list("percent_e2", flat=True).first()
    return {
        service_id: effective(
            rate_e8=rate_e8,
            user_rate_e8=user_rates.get(service_id),
            discount_percent_e2=discount,
        )
        for service_id, rate_e8 in rates_e8.items()
    }


def parse(text: str) -> int:
    """Return the rate in e8 that plain decimal text says.  Raises BadRate."""
    try:
        rate_e8 = money.parse(text)
    except ValueError:
        raise BadRate from None
    if rate_e8 % money.RATE_STEP_E8:
        raise BadRate
    return rate_e8
