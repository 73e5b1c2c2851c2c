"""Finds orders for staff, whoever placed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from relaypanel import prepared
from relaypanel.catalogue import margin
from relaypanel.orders.models import ACTIVE, OPEN_REFILL, Order, OrderEvent, Status
from relaypanel.providers.models import Provider

PAGE: Final = 50
CHILDREN_MAX: Final = 50
# Orders placed at once get their IDs and their moments in any order: further apart they do not.
_ID_SLACK: Final = 1_000


def _words(values: Iterable[str]) -> str:
    """Return some of our own words as a list of SQL."""
    quoted = (f"'{value}'" for value in values)
    return f"({', '.join(quoted)})"


# The words as they stand in the indexes: SQLite takes an index of some rows only where a statement
# says itself which rows they are.
_WAITING: Final = prepared.Statement(
    f"""
    SELECT
        (SELECT COUNT(*) FROM orders_order
          WHERE status IN ('unconfirmed', 'held') AND status = 'unconfirmed'),
        (SELECT COUNT(*) FROM orders_order
          WHERE status IN ('unconfirmed', 'held') AND status = 'held'),
        (SELECT COUNT(*) FROM orders_cancelrequest AS it
          WHERE it.state IN ('asked', 'forwarded') AND (it.state = 'asked' OR
                (SELECT status FROM orders_order WHERE orders_order.id = it.order_id)
                    IN {_words(ACTIVE)})),
        (SELECT COUNT(*) FROM orders_refill WHERE state IN {_words(OPEN_REFILL)})
    """  # noqa: S608  # nosec B608
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which orders to show; what is None or empty keeps none out."""

    statuses: Sequence[Status] = ()
    service_id: int | None = None
    provider_id: int | None = None
    # True: orders that no provider fulfils.
    by_hand: bool | None = None
    user_id: int | None = None
    link: str = ""
    upstream_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """How many orders and requests wait for a person."""

    unconfirmed: int
    held: int
    cancels: int
    refills: int

    @property
    def all(self) -> int:
        return self.unconfirmed + self.held + self.cancels + self.refills


def page(wanted: Wanted, *, before_id: int | None = None) -> list[Order]:
    """Return the newest orders below `before_id`: one more than PAGE if there are more."""
    rows = _filtered(wanted)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    # The IDs by themselves: joined to the rest, SQLite begins with the services and sorts them all,
    # 3 s of a million orders.
    ids = list(rows.order_by("-pk").values_list("pk", flat=True)[: PAGE + 1])
    shown = Order.objects.select_related(
        "user", "service__category__platform", "provider", "drip_feed"
    ).in_bulk(ids)
    return [shown[pk] for pk in ids]


def one(order_id: int) -> Order | None:
    """Return an order with all that a page about it shows; None: there is none."""
    return (
        Order.objects.select_related(
            "user",
            "service__category__platform",
            "provider",
            "upstream_service",
            "cancel_request",
            "drip_feed",
            "subscription",
        )
        .filter(pk=order_id)
        .first()
    )


def timeline(order: Order) -> list[OrderEvent]:
    return list(OrderEvent.objects.filter(order=order).order_by("pk"))


def children(order: Order) -> list[Order]:
    """Return the newest runs or posts of an order, at most CHILDREN_MAX."""
    return list(Order.objects.filter(parent=order).order_by("-run")[:CHILDREN_MAX])


def cost_e8(order: Order) -> int | None:
    """Return what the provider took, in the panel's currency; None: it has not said."""
    if order.cost_e8 is None or order.provider is None:
        return None
    return margin.rate_cost(rate_e8=order.cost_e8, rate_to_panel_e8=order.provider.rate_to_panel_e8)


def margin_e8(order: Order) -> int | None:
    """Return what is left of the charge; None: nobody knows yet."""
    cost = cost_e8(order)
    return None if cost is None else order.charge_e8 - order.refunded_e8 - cost


def waiting() -> Waiting:
    ((unconfirmed, held, cancels, refills),) = _WAITING.rows()
    return Waiting(unconfirmed=unconfirmed, held=held, cancels=cancels, refills=refills)


def _filtered(wanted: Wanted) -> QuerySet[Order]:
    rows = Order.objects.all()
    if wanted.statuses:
        rows = rows.filter(status__in=wanted.statuses)
    if wanted.service_id is not None:
        rows = rows.filter(service_id=wanted.service_id)
    if wanted.provider_id is not None:
        rows = rows.filter(provider_id=wanted.provider_id)
    if wanted.by_hand is not None:
        # The runs of a drip-feed are fulfilled; the whole is nobody's to fulfil.
        rows = rows.filter(provider__isnull=wanted.by_hand, drip_feed=None)
    if wanted.user_id is not None:
        rows = rows.filter(user_id=wanted.user_id)
    if wanted.link:
        rows = rows.filter(link=wanted.link)
    if wanted.upstream_id:
        # In the words of the index that keeps an upstream order from being ours twice.
        providers = list(Provider.objects.values_list("pk", flat=True))
        rows = rows.filter(provider_id__in=providers, upstream_id=wanted.upstream_id)
    return rows.filter(_placed(wanted))


def _placed(wanted: Wanted) -> Q:
    """Return the bounds of time, with bounds of IDs in which a page is found at once."""
    bounds = Q()
    if wanted.since is not None:
        first = Order.objects.filter(placed_at__gte=wanted.since).order_by("placed_at", "pk")
        first_id = first.values_list("pk", flat=True).first()
        if first_id is None:
            return Q(pk__in=())
        bounds &= Q(placed_at__gte=wanted.since, pk__gte=first_id - _ID_SLACK)
    if wanted.until is not None:
        last = Order.objects.filter(placed_at__lt=wanted.until).order_by("-placed_at", "-pk")
        last_id = last.values_list("pk", flat=True).first()
        if last_id is None:
            return Q(pk__in=())
        bounds &= Q(placed_at__lt=wanted.until, pk__lte=last_id + _ID_SLACK)
    return bounds
