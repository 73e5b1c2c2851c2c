"""What left our balance at a provider, against what our orders there explain.

A second opinion, where nobody else spends with our key: before an order is sent again
because its provider does not know it, the money that left must have left for others.
Top-ups and refunds only make the sum smaller, so it can raise a doubt and never prove.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import Q

from relaypanel import money
from relaypanel.orders import brackets
from relaypanel.orders.brackets import Attempt
from relaypanel.orders.matching import Absent, Unresolved, Verdict
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.answers import Balance
from relaypanel.providers.models import Provider

# Past this many orders since the last known balance the sum is too rough to tell anything.
ORDERS_MAX: Final = 5_000


def tells(provider: Provider, attempts: Collection[Attempt]) -> bool:
    """Return whether our balance there is known from before all these sendings."""
    at = provider.balance_at
    if not provider.key_is_exclusive or provider.balance_e8 is None or at is None:
        return False
    return all(at < attempt.begun_at for attempt in attempts)


def doubted(
    found: Mapping[int, Verdict],
    *,
    provider: Provider,
    attempts: Collection[Attempt],
    balance: Balance | None,
) -> dict[int, Verdict]:
    """Return the verdicts, without the absent orders if more money left than is explained.

    `provider` holds the balance from before, `balance` is that of now; None: nobody asked.
    """
    absent = [it.order for it in attempts if isinstance(found[it.order.pk], Absent)]
    if not absent or balance is None or balance.currency != provider.currency:
        return dict(found)
    unexplained_e8 = _unexplained_e8(provider, balance, absent)
    least_e8 = min(_charge_e8(order) or 0 for order in absent)
    # A tenth is for what its charges were rounded by.
    if unexplained_e8 <= 0 or unexplained_e8 * 10 < least_e8 * 9:
        return dict(found)
    why = f"our orders do not explain {money.text(unexplained_e8)} that left our balance there"
    return {
        order_id: Unresolved(why=why) if isinstance(verdict, Absent) else verdict
        for order_id, verdict in found.items()
    }


def _unexplained_e8(provider: Provider, balance: Balance, absent: Collection[Order]) -> int:
    """Return what left since the balance from before, less all that our orders may have cost."""
    assert provider.balance_e8 is not None
    assert provider.balance_at is not None
    # What was on its way at that moment may have been charged after it.
    since = provider.balance_at - brackets.lease(provider)
    begun = OrderEvent.objects.filter(
        to_status=Status.SENDING, at__gte=since, order__provider=provider
    )
    spent = (
        Order.objects.filter(pk__in=begun.values("order"))
        .filter(Q(upstream_id__isnull=False) | Q(status__in=(Status.SENDING, Status.UNCONFIRMED)))
        .exclude(pk__in=[order.pk for order in absent])
        .select_related("upstream_service")
    )
    costs_e8 = [_cost_e8(order) for order in spent[: ORDERS_MAX + 1]]
    if len(costs_e8) > ORDERS_MAX or None in costs_e8:
        return 0
    explained_e8 = sum(cost_e8 for cost_e8 in costs_e8 if cost_e8 is not None)
    return provider.balance_e8 - balance.amount_e8 - explained_e8


def _cost_e8(order: Order) -> int | None:
    return _charge_e8(order) if order.cost_e8 is None else order.cost_e8


def _charge_e8(order: Order) -> int | None:
    """Return what an order should cost at its provider; None: nobody can tell."""
    rate_e8, rate_per = brackets.rate(order)
    return None if rate_e8 is None else rate_e8 * order.quantity // rate_per
