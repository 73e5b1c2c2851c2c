from __future__ import annotations

import pytest

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry
from relaypanel.orders import bulk
from relaypanel.orders.bulk import Act
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.orders import lost, scene
from tests.orders.scene import later

pytestmark = pytest.mark.django_db


def manual(status: Status = Status.QUEUED) -> Order:
    return scene.standing(scene.placed(cast.service(rate="1")), status)


def run(act: Act, *orders: Order, remains: int | None = None) -> bulk.Outcome:
    ids = [order.pk for order in orders]
    return bulk.run(act=act, order_ids=ids, by=CONSOLE, now=later(hours=1), remains=remains)


class TestRun:
    @pytest.mark.parametrize(
        ("act", "status", "balance"),
        [
            (Act.COMPLETE, Status.COMPLETED, "998"),
            (Act.PARTIAL, Status.PARTIAL, "998.8"),
            (Act.CANCEL, Status.CANCELED, "1000"),
            (Act.START, Status.IN_PROGRESS, "998"),
        ],
    )
    def test_does_it_to_each_and_logs_each(self, act: Act, status: Status, balance: str) -> None:
        orders = [manual(), manual()]

        outcome = run(act, *orders, orders[0], remains=400)

        assert (outcome.done, outcome.refused) == ([order.pk for order in orders], {})
        assert {scene.again(order).status for order in orders} == {status}
        assert scene.balance() == balance
        assert scene.books_agree()
        entries = AuditEntry.objects.filter(subject_kind="order", act=f"order.{status}")
        assert [entry.after["status"] for entry in entries] == [status, status]

    def test_leaves_those_that_it_cannot_be_done_to(self) -> None:
        good, done = manual(), manual(Status.PARTIAL)

        outcome = run(Act.COMPLETE, done, good)

        assert outcome.done == [good.pk]
        assert [refused.code for refused in outcome.refused.values()] == ["move_not_allowed"]
        assert list(outcome.refused) == [done.pk]
        assert AuditEntry.objects.filter(subject_kind="order").count() == 1

    def test_resends_what_is_held(self) -> None:
        held, sent = scene.order(Status.HELD), scene.order(Status.PENDING)
        doubtful = scene.order(Status.HELD, may_be_upstream=True)

        outcome = run(Act.RESEND, held, sent, doubtful)

        assert outcome.done == [held.pk]
        assert scene.again(held).status == Status.QUEUED
        assert AuditEntry.objects.get(act="order.resend").before["status"] == "held"

    def test_refunds_an_unconfirmed_order_once_it_is_settled(self) -> None:
        order = lost.lost(0)

        assert run(Act.CANCEL, order).done == [order.pk]
        assert AuditEntry.objects.get(act="order.refund").after["status"] == "canceled"

    def test_wants_to_know_what_remains(self) -> None:
        order = manual()

        assert list(run(Act.PARTIAL, order).refused) == [order.pk]

    def test_takes_so_many_orders_at_once(self) -> None:
        with pytest.raises(bulk.TooManyOrders):
            bulk.run(
                act=Act.CANCEL,
                order_ids=range(bulk.ORDERS_MAX + 1),
                by=CONSOLE,
                now=later(hours=1),
            )
