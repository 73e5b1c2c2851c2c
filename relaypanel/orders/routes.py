"""By which route an order goes upstream, and what it may cost there.

An order is worth what the customer paid for it, or what its route was to take when it was
ordered: an owner who sells below cost on purpose goes on doing so.  A provider that has become
dearer than that while the order waited does not get it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from relaypanel import money, prepared
from relaypanel.catalogue import margin
from relaypanel.catalogue.editions import Known, Rated
from relaypanel.catalogue.offers import cost, usable_routes
from relaypanel.contract import OrderType
from relaypanel.orders import states
from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import UpstreamService


class Waiting(NamedTuple):
    """An order that is about to be sent, and what its route takes now."""

    order_id: int
    token: int
    type: str
    quantity: int
    charge_e8: int
    cost_expected_e8: int | None
    route: Known


_LOCK_WAITING: Final = prepared.Statement(
    f"""
    SELECT it.id, it.token, it.type, it.quantity, it.charge_e8, it.cost_expected_e8,
           route.id, route.provider_id, route.rate_e8, route.type, panel.rate_to_panel_e8
      FROM orders_order AS it
      JOIN providers_upstreamservice AS route ON route.id = it.upstream_service_id
      JOIN providers_provider AS panel ON panel.id = route.provider_id
     WHERE it.id {prepared.among("$2")} AND it.provider_id = $1 AND it.status = 'queued'
    """  # nosec B608
    + ("" if prepared.is_sqlite() else " FOR NO KEY UPDATE OF it SKIP LOCKED")
)


def lock_waiting(*, provider_id: int, order_ids: Collection[int]) -> list[Waiting]:
    """Lock those of a provider's queued orders that nobody else has locked."""
    return [_waiting(*row) for row in _LOCK_WAITING.rows(provider_id, list(order_ids))]


def pays(order: Waiting) -> bool:
    """Return whether an order is worth what its route takes now."""
    # What a subscription costs depends on the posts that are still to come.
    return order.type == OrderType.SUBSCRIPTIONS or _is_affordable(order, order.route)


def leave_dead(order: Order, *, now: datetime, detail: str) -> None:
    """Let an order that is being sent go by the next route that pays, or leave it to staff."""
    following = _following(order)
    if following is None:
        states.move(
            order,
            to=Status.HELD,
            now=now,
            reason="no_route_left",
            detail=detail,
            sending_until=None,
        )
        return
    states.move(
        order,
        to=Status.QUEUED,
        now=now,
        reason="next_route",
        detail=detail,
        provider=following.provider,
        upstream_service=following,
        due_at=now,
        sending_until=None,
    )


def leave_dear(order: Order, *, now: datetime) -> None:
    """Let a queued order whose route has become too dear go by the next one, or leave it to staff.

    The caller has locked it.
    """
    following, detail = _following(order), _too_dear(order)
    if following is None:
        states.move(order, to=Status.HELD, now=now, reason="costs_too_much", detail=detail)
        return
    order.provider, order.upstream_service, order.due_at = following.provider, following, now
    order.save(update_fields=["provider", "upstream_service", "due_at"])
    states.record([order], now=now, reason="next_route", detail=detail)


def _waiting(
    order_id: int,
    token: int,
    order_type: str,
    quantity: int,
    charge_e8: int,
    cost_expected_e8: int | None,
    *route: Any,
) -> Waiting:
    pk, provider_id, rate_e8, route_type, rate_to_panel_e8 = route
    known = Known(pk, provider_id, rate_e8, route_type, Rated(rate_to_panel_e8))
    return Waiting(order_id, token, order_type, quantity, charge_e8, cost_expected_e8, known)


def _following(order: Order) -> UpstreamService | None:
    """Return the first route after the order's own that it can pay for."""
    routes = usable_routes([order.service_id]).get(order.service_id, ())
    ids = [route.pk for route in routes]
    tried = order.upstream_service
    assert tried is not None
    following = routes[ids.index(tried.pk) + 1 :] if tried.pk in ids else routes
    return next((route for route in following if _is_affordable(order, route)), None)


def _is_affordable(order: Order | Waiting, route: UpstreamService | Known) -> bool:
    cost_e8 = cost(route, quantity=order.quantity)
    return margin.covers(cost_e8=cost_e8, charge_e8=_worth_e8(order))


def _worth_e8(order: Order | Waiting) -> int:
    return max(order.charge_e8, order.cost_expected_e8 or 0)


def _too_dear(order: Order) -> str:
    route = order.upstream_service
    assert route is not None
    cost_e8 = cost(route, quantity=order.quantity)
    return f"it costs {money.text(cost_e8)} now, and is worth {money.text(_worth_e8(order))}"
