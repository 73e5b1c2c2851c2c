"""What one user pays: the rate agreed with them, else the service's rate less their discount."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What one user pays: rates agreed by service, and a discount on all others."""

    agreed_e8: Mapping[int, int]
    discount_percent_e2: int | None

    def rate(self, service_id: int, rate_e8: int) -> int:
        return effective(
            rate_e8=rate_e8,
            user_rate_e8=self.agreed_e8.get(service_id),
            discount_percent_e2=self.discount_percent_e2,
        )

    def is_agreed(self, service_id: int) -> bool:
        return service_id in self.agreed_e8


def terms_of(user_id: int | None, service_ids: Collection[int]) -> Terms:
    """Return a user's terms for these services; None: a visitor, who has none.

    Two queries for any number of services, none for a visitor.
    """
    if user_id is None:
        return Terms(agreed_e8={}, discount_percent_e2=None)
    agreed = UserRate.objects.filter(user_id=user_id, service_id__in=service_ids)
    discounts = Discount.objects.filter(user_id=user_id)
    return Terms(
        agreed_e8=dict(agreed.values_list("service_id", "rate_e8")),
        discount_percent_e2=discounts.values_list("percent_e2", flat=True).first(),
    )


def parse(text: str) -> int:
    """Return the rate in e8 that plain decimal text says.  Raises BadRate."""
    try:
        rate_e8 = money.parse(text)
    except ValueError:
        raise BadRate from None
    if rate_e8 % money.RATE_STEP_E8:
        raise BadRate
    return rate_e8
