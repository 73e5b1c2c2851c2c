"""What is agreed with one user: a discount on everything, and rates of their own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from relaypanel import errors, money
from relaypanel.accounts import audit_log, users
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import User
from relaypanel.catalogue import rates
from relaypanel.catalogue.models import Discount, Service, UserRate

RATES_SHOWN: Final = 200


class BadDiscount(errors.Refused):
    code = "bad_discount"


class NoSuchService(errors.Refused):
    code = "no_such_service"


class NoOwnRates(errors.Refused):
    """There is nothing to copy or to end."""

    code = "no_own_rates"


def of_user(user_id: int) -> list[UserRate]:
    """Return the user's own rates by service, at most RATES_SHOWN."""
    rows = UserRate.objects.filter(user_id=user_id).select_related("service")
    return list(rows.order_by("service_id")[:RATES_SHOWN])


def set_discount(*, user_id: int, percent: str, by: Actor, now: datetime) -> None:
    """Let a user off so many percent of every rate: "8.5"; "" or "0" ends it.

    Raises BadDiscount: it is between 0 and 100 with at most two decimals.
    """
    percent_e2 = _percent_e2(percent)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        before = Discount.objects.filter(user_id=user_id).first()
        if percent_e2:
            Discount.objects.update_or_create(user_id=user_id, defaults={"percent_e2": percent_e2})
        else:
            Discount.objects.filter(user_id=user_id).delete()
        audit_log.record(
            by=by,
            act="user.discount",
            subject=("user", user_id),
            before={"percent_e2": before.percent_e2 if before else 0},
            after={"percent_e2": percent_e2},
            now=now,
        )


def set_rate(*, user_id: int, service_id: int, rate: str, by: Actor, now: datetime) -> None:
    """Agree a rate for one service; "" ends it.  Raises rates.BadRate and NoSuchService."""
    rate_e8 = rates.parse(rate.strip()) if rate.strip() else None
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        if not Service.objects.filter(pk=service_id).exists():
            raise NoSuchService
        before = UserRate.objects.filter(user_id=user_id, service_id=service_id).first()
        if rate_e8 is None:
            UserRate.objects.filter(user_id=user_id, service_id=service_id).delete()
        else:
            UserRate.objects.update_or_create(
                user_id=user_id, service_id=service_id, defaults={"rate_e8": rate_e8}
            )
        audit_log.record(
            by=by,
            act="user.rate",
            subject=("user", user_id),
            before={"service": service_id, "rate": money.text(before.rate_e8) if before else ""},
            after={
                "service": service_id,
                "rate": "" if rate_e8 is None else money.text(rate_e8),
            },
            now=now,
        )


def copy_rates(*, user_id: int, username: str, by: Actor, now: datetime) -> int:
    """Agree with a user whatever rates are agreed with another one, and return how many.

    Rates for other services stay.  Raises users.NoSuchUser and NoOwnRates.
    """
    source = users.named(username.strip())
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        theirs = UserRate.objects.filter(user=source).values_list("service_id", "rate_e8")
        wanted = dict(theirs.order_by("service_id"))
        if not wanted or source.pk == user_id:
            raise NoOwnRates
        own = UserRate.objects.filter(user_id=user_id, service_id__in=wanted)
        before = _told(own)
        own.delete()
        UserRate.objects.bulk_create(
            UserRate(user_id=user_id, service_id=service_id, rate_e8=rate_e8)
            for service_id, rate_e8 in wanted.items()
        )
        audit_log.record(
            by=by,
            act="user.copy_rates",
            subject=("user", user_id),
            before={"rates": before},
            after={"from": source.pk, "count": len(wanted)},
            now=now,
        )
    return len(wanted)


def reset_rates(*, user_id: int, by: Actor, now: datetime) -> int:
    """End all rates of a user's own, and return how many there were.  Raises NoOwnRates."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        own = UserRate.objects.filter(user_id=user_id)
        before, count = _told(own), own.count()
        if not count:
            raise NoOwnRates
        own.delete()
        audit_log.record(
            by=by,
            act="user.reset_rates",
            subject=("user", user_id),
            before={"rates": before, "count": count},
            now=now,
        )
    return count


def _told(rows: QuerySet[UserRate]) -> dict[str, str]:
    """Return rates by service as the audit log keeps them, at most RATES_SHOWN."""
    kept = rows.order_by("service_id")[:RATES_SHOWN]
    return {str(row.service_id): money.text(row.rate_e8) for row in kept}


def _percent_e2(text: str) -> int:
    try:
        hundredths = Decimal(text.strip() or "0") * 100
    except InvalidOperation:
        raise BadDiscount from None
    if not hundredths.is_finite() or not 0 <= hundredths <= 10_000 or hundredths % 1:
        raise BadDiscount
    return int(hundredths)
