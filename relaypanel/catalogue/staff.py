"""The hand of staff on one service.  What they set, the mirror leaves as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from django.db import transaction

from relaypanel import errors
from relaypanel.catalogue import history, pricing_rules, stock
from relaypanel.catalogue.folding import with_folded
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.catalogue.plan import turn

# Which lock falls when staff set a column.
LOCKS: Final = {"rate_e8": "rate_locked", "name": "name_locked", "description": "name_locked"}


class Changes(TypedDict, total=False):
    """What models.Service tells each one means."""

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


def change(*, service_id: int, now: datetime, **changes: Unpack[Changes]) -> Service:
    """Return a service with these columns changed; a rate or words that are set are locked too.

    A rate that is unlocked follows its mark-up at once.  Raises UnknownService,
    NotPaidFor and NotRefilled.
    """
    with transaction.atomic():
        stock.lock()
        service = Service.objects.select_for_update(no_key=True).filter(pk=service_id).first()
        if service is None:
            raise UnknownService(service_id=service_id)
        if changes.get("auto_refill") and service.refill_days is None:
            raise NotRefilled(service=service)
        _write(service, _with_locks(changes), now)
        asked_for_sale = changes.keys() & {"rate_e8", "visibility"}
        turns = [turn(each, rules=pricing_rules.load()) for each in stock.of([service_id])]
        if asked_for_sale and any(each.stock.is_on and not each.after.is_on for each in turns):
            raise NotPaidFor(service=service)
        stock.write(turns, now=now)
    service.refresh_from_db()
    return service


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
