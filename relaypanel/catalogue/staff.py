"""The hand of staff on services.  What they set, the mirror leaves as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction

from relaypanel import errors, money
from relaypanel.catalogue import history, pricing_rules, stock
from relaypanel.catalogue.folding import with_folded
from relaypanel.catalogue.models import Category, Service, Visibility
from relaypanel.catalogue.plan import turn
from relaypanel.contract import TYPES, OrderType

# Which lock falls when staff set a column.
LOCKS: Final = {"rate_e8": "rate_locked", "name": "name_locked", "description": "name_locked"}


# More at once would hold the catalogue's lock for longer than a sync can wait.
AT_ONCE_MAX: Final = 500
NAME_CHARACTERS_MAX: Final = 500


class Offer(TypedDict, total=False):
    """What a provider says of a service that it fulfils, and staff of one that they deliver."""

    min: int
    max: int
    refill_days: int | None
    cancel: bool
    dripfeed: bool


class Changes(Offer, total=False):
    """What models.Service tells each one means."""

    category_id: int
    refill_after_hours: int
    one_order_per_link: bool
    rate_e8: int
    name: str
    description: str
    visibility: Visibility
    rate_locked: bool
    name_locked: bool
    auto_refill: bool


class UnknownService(errors.Refused):
    code = "unknown_service"

    def __init__(self, *, service_id: int) -> None:
        super().__init__(f"There is no service {service_id}.")


class NothingLeft(errors.Refused):
    """The price would be nothing, or less."""

    code = "nothing_left"


class NotPaidFor(errors.Refused):
    code = "not_paid_for"

    def __init__(self, *, service: Service) -> None:
        super().__init__(
            f"Service {service.pk} was not changed: it has no open route that this rate pays for, "
            "and would be sold below its cost."
        )


class NotRefilled(errors.Refused):
    code = "not_refilled"

    def __init__(self, *, service: Service) -> None:
        super().__init__(
            f"Service {service.pk} was not changed: it offers no refills, so that none can be "
            "asked for by itself."
        )


class BoundsOutOfOrder(errors.Refused):
    """The least is above the most, or one of them is no possible quantity."""

    code = "bounds_out_of_order"


class ServiceNameNeeded(errors.Refused):
    """A name has 1 to 500 characters."""

    code = "service_name_needed"

    def __init__(self) -> None:
        super().__init__(f"The name of a service has 1 to {NAME_CHARACTERS_MAX} characters.")


class NoSuchCategory(errors.Refused):
    code = "no_such_category"


class TooManyServices(errors.Refused):
    code = "too_many_services"


def create(
    *,
    category_id: int,
    type: OrderType,
    name: str,
    description: str,
    rate_e8: int,
    now: datetime,
    **offer: Unpack[Offer],
) -> Service:
    """Return a new service that staff deliver by hand, until it has a route.

    Raises NoSuchCategory, ServiceNameNeeded and BoundsOutOfOrder.
    """
    _check(offer, category_id=category_id, name=name)
    with transaction.atomic():
        stock.lock()
        service = Service.objects.create(
            category_id=category_id,
            type=type,
            name=name,
            description=description,
            rate_e8=rate_e8,
            rate_per=TYPES[type].rate_per,
            rate_locked=True,
            name_locked=True,
            **offer,
        )
        history.announce([service], now=now)
    return service


def change_many(
    *, service_ids: Sequence[int], to: Callable[[Service], Changes], now: datetime
) -> int:
    """Change services together, each to what `to` says of it, all or none; return how many.

    Raises TooManyServices, and what `change` raises.
    """
    if len(service_ids) > AT_ONCE_MAX:
        raise TooManyServices
    with transaction.atomic():
        stock.lock()
        services = Service.objects.in_bulk(service_ids)
        for service_id in sorted(services):
            change(service_id=service_id, now=now, **to(services[service_id]))
    return len(services)


def repriced(rate_e8: int, *, percent: Decimal = Decimal(0), amount_e8: int = 0) -> int:
    """Return a rate that is so many percent and so much dearer, or cheaper below 0.

    It has at most five decimals.  Raises NothingLeft.
    """
    repriced_e8 = money.rate(rate_e8=rate_e8, percent=100 + percent) + amount_e8
    if amount_e8 < 0 and repriced_e8 <= 0:
        raise NothingLeft
    return repriced_e8


def change(*, service_id: int, now: datetime, **changes: Unpack[Changes]) -> Service:
    """Return a service with these columns changed; a rate or words that are set are locked too.

    A rate that is unlocked follows its mark-up at once.  Raises UnknownService,
    NotPaidFor, NotRefilled, NoSuchCategory, ServiceNameNeeded and BoundsOutOfOrder.
    """
    _check(changes, category_id=changes.get("category_id"), name=changes.get("name"))
    with transaction.atomic():
        stock.lock()
        service = Service.objects.select_for_update(no_key=True).filter(pk=service_id).first()
        if service is None:
            raise UnknownService(service_id=service_id)
        refill_days = changes.get("refill_days", service.refill_days)
        if changes.get("auto_refill") and refill_days is None:
            raise NotRefilled(service=service)
        _write(service, _with_locks(changes), now)
        asked_for_sale = changes.keys() & {"rate_e8", "visibility"}
        turns = [turn(each, rules=pricing_rules.load()) for each in stock.of([service_id])]
        if asked_for_sale and any(each.stock.is_on and not each.after.is_on for each in turns):
            raise NotPaidFor(service=service)
        stock.write(turns, now=now)
    service.refresh_from_db()
    return service


def _check(offer: Offer, *, category_id: int | None, name: str | None) -> None:
    if name is not None and not 0 < len(name.strip()) <= NAME_CHARACTERS_MAX:
        raise ServiceNameNeeded
    if category_id is not None and not Category.objects.filter(pk=category_id).exists():
        raise NoSuchCategory
    if "min" in offer and "max" in offer and not 1 <= offer["min"] <= offer["max"] < 2**31:
        raise BoundsOutOfOrder


def _with_locks(changes: Changes) -> dict[str, Any]:
    locks = {lock: True for column, lock in LOCKS.items() if column in changes}
    return locks | dict(changes)


def _write(service: Service, columns: dict[str, Any], now: datetime) -> None:
    was_on, rate_before_e8 = service.visibility == Visibility.ENABLED, service.rate_e8
    for column, value in columns.items():
        setattr(service, column, value)
    service.save(update_fields=with_folded(columns))
    seen = history.Change(
        service_id=service.pk,
        was_on=was_on,
        is_on=service.visibility == Visibility.ENABLED,
        rate_before_e8=rate_before_e8,
        rate_e8=service.rate_e8,
    )
    history.record([seen], now=now)
