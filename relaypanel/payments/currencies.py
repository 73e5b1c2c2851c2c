"""The currencies beside the panel's own, at the rates that its owner gave."""

from __future__ import annotations

from relaypanel.payments import exchange
from relaypanel.payments.models import Currency


def all_codes() -> list[str]:
    return list(Currency.objects.order_by("code").values_list("code", flat=True))


def set_rate(*, code: str, per_unit_e8: int) -> None:
    Currency.objects.update_or_create(code=code, defaults={"per_unit_e8": per_unit_e8})


def about_e8(amount_e8: int, *, code: str) -> int | None:
    """Return roughly what an amount is in another currency; None: it has no rate any more."""
    rates = Currency.objects.filter(code=code).values_list("per_unit_e8", flat=True)
    per_unit_e8 = rates.first()
    if per_unit_e8 is None:
        return None
    return exchange.about_e8(amount_e8, per_unit_e8=per_unit_e8, currency=code)
