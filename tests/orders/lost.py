"""Orders that nobody answered for, and a provider whose IDs grow.

    first = accepted(0, "10"); order = lost(60); accepted(300, "20")
    look({"13": says("0.5")})

Seconds are counted from `NOW`.  A sending is settled two minutes after its intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from relaypanel import money
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderWord
from relaypanel.orders import reconcile, send
from relaypanel.orders.matching import Verdict
from relaypanel.orders.models import Order
from relaypanel.orders.reconcile import Case
from relaypanel.orders.send import Parcel
from relaypanel.providers.answers import (
    Accepted,
    AddAnswer,
    Balance,
    Fault,
    Rejected,
    Unclear,
    UpstreamStatus,
)
from relaypanel.providers.inquiry import Told
from relaypanel.providers.models import Provider
from tests.orders import scene
from tests.orders.scene import later

UNKNOWN = Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")
UNCLEAR = Unclear(reason="time-out after the body")

# The first moment at which an order lost in the first minute may be looked at.
SETTLED = later(seconds=181)
LOOKED_AT = later(seconds=400)


def provider(**columns: object) -> Provider:
    """Return the provider, whose IDs grow unless `columns` say otherwise."""
    found = scene.upstream()
    Provider.objects.filter(pk=found.pk).update(**({"brackets_ids": True} | columns))
    found.refresh_from_db()
    return found


def service() -> Service:
    """Return a service at 1 for a thousand, which costs half of that upstream."""
    return Service.objects.filter(routes__upstream__provider=provider()).first() or scene.relayed()


def sent(at: float, *, quantity: int = 1000) -> tuple[Order, Parcel]:
    """Return an order whose intent was recorded at that second."""
    order = scene.placed(service(), quantity=str(quantity), link=f"{scene.LINK}/{at}")
    return order, intend(order, at)


def intend(order: Order, at: float) -> Parcel:
    found, now = scene.upstream(), later(seconds=at)
    [parcel] = [
        parcel
        for parcel in send.due(provider=found, limit=100, now=now)
        if parcel.order_id == order.pk
    ]
    assert send.intend(provider=found, parcels=[parcel], now=now) == {order.pk}
    return parcel


def answered(parcel: Parcel, answer: AddAnswer, at: float) -> Order:
    send.settle(parcel=parcel, answer=answer, now=later(seconds=at))
    return Order.objects.get(pk=parcel.order_id)


def accepted(at: float, upstream_id: str, *, quantity: int = 1000) -> Order:
    _, parcel = sent(at, quantity=quantity)
    return answered(parcel, Accepted(upstream_id=upstream_id), at + 1)


def lost(at: float = 60, *, quantity: int = 1000) -> Order:
    _, parcel = sent(at, quantity=quantity)
    return answered(parcel, UNCLEAR, at + 30)


def between(lower: str = "10", upper: str = "20", **columns: int) -> Order:
    """Return a lost order between two IDs that are known."""
    accepted(0, lower)
    order = lost(60, **columns)
    accepted(300, upper)
    return order


def says(cost: str = "0.5", *, word: OrderWord = OrderWord.IN_PROGRESS) -> UpstreamStatus:
    return UpstreamStatus(word=word, start_count=None, remains=None, cost_e8=money.parse(cost))


def told(case: Case, there: Mapping[str, UpstreamStatus | Rejected], *, balance: str = "") -> Told:
    """Answer a case: `there`, and our own orders, are known, and nothing else."""
    return inquiry(there, balance=balance)(case.provider, case.upstream_ids)


def inquiry(there: Mapping[str, UpstreamStatus | Rejected], *, balance: str = "") -> _Inquiry:
    return _Inquiry(there, balance)


class _Inquiry:
    def __init__(self, there: Mapping[str, UpstreamStatus | Rejected], balance: str) -> None:
        self._there, self._balance = there, balance
        self.asked: list[str] = []

    def __call__(
        self, provider: Provider, ids: Sequence[str], *, wants_balance: bool = False
    ) -> Told:
        self.asked.extend(ids)
        ours = Order.objects.filter(provider=provider, upstream_id__isnull=False)
        known = {upstream_id: says() for upstream_id in ours.values_list("upstream_id", flat=True)}
        statuses = {it: (known | dict(self._there)).get(it, UNKNOWN) for it in ids}
        balance = None
        if self._balance:
            balance = Balance(amount_e8=money.parse(self._balance), currency="USD")
        return Told(statuses=statuses, balance=balance)


def look(
    there: Mapping[str, UpstreamStatus | Rejected] | None = None,
    *,
    now: datetime = LOOKED_AT,
    balance: str = "",
) -> dict[int, Verdict]:
    """Look once, as the worker does."""
    case = reconcile.open_case(provider=Provider.objects.get(name="upstream"), now=now)
    if case is None:
        return {}
    return reconcile.close_case(case=case, told=told(case, there or {}, balance=balance), now=now)
