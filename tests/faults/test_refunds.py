"""R9: what two pollers hear of orders, in any sequence.  Each end pays back once, to the unit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.db.models import CharField, Sum
from django.db.models.functions import Cast

from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code, Transfer
from relaypanel.orders import place, poll
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.orders.oddities import Oddities
from relaypanel.orders.place import OrderRequest
from relaypanel.providers import replies
from tests import cast
from tests.faults import size
from tests.orders import scene

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = size.of(short=200, full=2000)
QUANTITY = 1000
ROUNDS = 6
POLLERS = 2
BATCH = 50

WORDS = (
    *("Pending", "Processing", "In progress", "in_progress", "Completed", "COMPLETED"),
    *("Partial", "Partial", "Canceled", "Cancelled", "Refunded", "Fail", "Awaiting moderation", ""),
)
REMAINS: tuple[object, ...] = (
    *(0, 1, 250, 999, 1000, "157", "1000", " 30 ", 12.0, "7.0"),
    *(-5, 1001, 10**9, 10**30, "", None, "Unknown", "NaN", "1e3", "½", [], {}, True, 0.5),
)
CHARGES: tuple[object, ...] = (
    *("0.27819", "0,27", 0.5, 3, "-1", "1e9"),
    *(10**30, None, "", "free", [], "NaN"),
)

Poller = Callable[[Sequence[Order], dict[str, Any]], None]


class TestRefunds:
    def test_are_paid_once_and_exactly(self) -> None:
        balances_e8 = _poll_all(_settle)

        _assert_exact()
        refunds = Transfer.objects.filter(code=Code.ORDER_REFUND).count()
        print(f"\nR9 refunds: {ORDERS} orders, {POLLERS} pollers, {refunds} refunds, 0 off")  # noqa: T201
        assert refunds > ORDERS // 4
        assert all(before <= after for before, after in pairwise(balances_e8))

    def test_are_paid_twice_by_a_poller_that_trusts_what_it_read(self) -> None:
        _poll_all(_naive())

        paid = Order.objects.filter(pk__in=_overpaid()).count()
        print(f"\nR9 twin, no key of its own: {paid} of {ORDERS} overpaid")  # noqa: T201
        assert paid > ORDERS // 4


def _poll_all(poller: Poller) -> list[int]:
    """Let two pollers hear the same random things of each order; return the balances seen."""
    dice = random.Random(20261124)
    user_id = _running_orders()
    ids = list(Order.objects.order_by("pk").values_list("pk", flat=True))
    balances_e8 = [book.balance(user_id)]
    with ThreadPoolExecutor(POLLERS) as pool:
        for _ in range(ROUNDS):
            dice.shuffle(ids)
            for start in range(0, len(ids), BATCH):
                batch = ids[start : start + BATCH]
                told = _told(dice, batch)
                gate = Barrier(POLLERS, timeout=30)
                jobs = [pool.submit(_poll, poller, batch, told, gate) for _ in range(POLLERS)]
                for job in jobs:
                    job.result()
                balances_e8.append(book.balance(user_id))
    return balances_e8


def _running_orders() -> int:
    user_id = scene.alice().pk
    cast.fund(scene.alice(), str(ORDERS))
    service = scene.relayed()
    requests = [
        OrderRequest(
            user_id=user_id,
            service_id=service.pk,
            fields={"link": f"https://example.com/{number}", "quantity": str(QUANTITY)},
        )
        for number in range(ORDERS)
    ]
    for start in range(0, ORDERS, 500):
        place.place(requests=requests[start : start + 500], now=cast.NOW)
    Order.objects.update(status=Status.PENDING, upstream_id=Cast("pk", CharField()))
    return user_id


def _told(dice: random.Random, ids: Sequence[int]) -> dict[str, Any]:
    """Return answers as they are read from a panel that writes what it likes."""
    rows = {
        str(order_id): {
            "status": dice.choice(WORDS),
            "remains": dice.choice(REMAINS),
            "charge": dice.choice(CHARGES),
            "start_count": dice.choice(REMAINS),
        }
        for order_id in ids
    }
    return dict(replies.statuses(json.loads(json.dumps(rows)), ids=list(rows)))


def _poll(poller: Poller, ids: Sequence[int], told: dict[str, Any], gate: Barrier) -> None:
    orders = list(Order.objects.filter(pk__in=ids))
    gate.wait()
    poller(orders, told)
    connection.close()


def _settle(orders: Sequence[Order], told: dict[str, Any]) -> None:
    poll.settle(orders=orders, told=told, oddities=Oddities(), now=cast.NOW)


def _naive() -> Poller:
    """Return a poller that pays back what it saw running, under a new key each time."""
    numbers = count()

    def settle(orders: Sequence[Order], told: dict[str, Any]) -> None:
        for order in orders:
            answer = told.get(str(order.pk))
            if order.status != Status.PENDING or getattr(answer, "word", None) != "Canceled":
                continue
            refund = book.Posting(
                key=f"refund:{next(numbers)}",
                debit=chart.SALES,
                credit=order.user_id,
                amount_e8=order.charge_e8,
                code=Code.ORDER_REFUND,
                reason=str(order.pk),
            )
            book.post(refund, now=cast.NOW)
            scene.standing(order, Status.CANCELED)

    return settle


def _overpaid() -> list[int]:
    paid = Transfer.objects.filter(code=Code.ORDER_REFUND).values("reason")
    charge_e8 = Order.objects.order_by("pk").values_list("charge_e8", flat=True)[0]
    return [
        int(row["reason"])
        for row in paid.annotate(paid_e8=Sum("amount_e8"))
        if row["paid_e8"] > charge_e8
    ]


def _assert_exact() -> None:
    assert scene.books_agree()
    for order in Order.objects.all():
        kept_e8 = {
            Status.PARTIAL: order.charge_e8 * (QUANTITY - order.remains) // QUANTITY,
            Status.CANCELED: 0,
        }.get(Status(order.status), order.charge_e8)
        assert kept_e8 + order.refunded_e8 == order.charge_e8
        moves = OrderEvent.objects.filter(order=order).exclude(to_status="").order_by("pk")
        steps = list(moves.values_list("from_status", "to_status"))[1:]
        # Each step begins where the one before ended: none was taken twice.
        assert [to for _, to in steps[:-1]] == [origin for origin, _ in steps[1:]]
        assert not steps or steps[-1][1] == order.status
