"""The desk where a person decides what the shop does not follow by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from relaypanel import errors, money
from relaypanel.catalogue import pricing_rules, stock
from relaypanel.catalogue.models import Cause, Quarantine
from relaypanel.catalogue.plan import Turn, turn


class NotInQuarantine(errors.Refused):
    code = "not_in_quarantine"

    def __init__(self, *, ids: Collection[int]) -> None:
        self.ids = tuple(sorted(ids))
        listed = ", ".join(map(str, self.ids))
        super().__init__(f"Nothing waits under {listed}; nothing was changed.")


class StillBelowCost(errors.Refused):
    code = "still_below_cost"

    def __init__(self, *, turn: Turn, cost_e8: int) -> None:
        self.service_id = turn.stock.service_id
        super().__init__(
            f"Service {self.service_id} costs {money.text(cost_e8)} and its rate is fixed at "
            f"{money.text(turn.stock.rate_e8)}: raise the rate, or let it follow a mark-up.  "
            "Nothing was changed."
        )


def waiting() -> QuerySet[Quarantine]:
    """Return what waits for a decision, the oldest first."""
    return (
        Quarantine.objects.filter(rejected=False)
        .select_related("route__service", "route__upstream__provider")
        .order_by("since_at", "pk")
    )


def approve(*, ids: Collection[int], now: datetime) -> list[Turn]:
    """Let the shop follow what waits, and return what that changes for each service.

    What was rejected can be approved later.  Raises NotInQuarantine and StillBelowCost.
    """
    with transaction.atomic():
        stock.lock()
        rows = _rows(ids)
        stocks = stock.of([row.route.service_id for row in rows])
        rules = pricing_rules.load()
        routes = {row.route_id for row in rows}
        turns = [turn(stock, rules=rules, approved=routes) for stock in stocks]
        _check(turns, routes)
        stock.write(turns, now=now)
    return turns


def reject(*, ids: Collection[int]) -> None:
    """Leave things as they are, and ask no more until the provider changes it again.

    Raises NotInQuarantine.
    """
    with transaction.atomic():
        stock.lock()
        rows = _rows(ids)
        Quarantine.objects.filter(pk__in=[row.pk for row in rows]).update(rejected=True)


def _rows(ids: Collection[int]) -> list[Quarantine]:
    rows = list(Quarantine.objects.filter(pk__in=ids).select_related("route"))
    missing = set(ids) - {row.pk for row in rows}
    if missing:
        raise NotInQuarantine(ids=missing)
    return rows


def _check(turns: Collection[Turn], approved: Collection[int]) -> None:
    for judged in turns:
        for path in judged.paths:
            held = path.held
            if path.route_id in approved and held is not None and held.cause is Cause.BELOW_COST:
                raise StillBelowCost(turn=judged, cost_e8=path.cost_e8)
