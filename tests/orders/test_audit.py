from __future__ import annotations

import pytest
from django.db.models import F

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.orders import audit, place, refund, requests, schedules, staff
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

POSTS = {"username": "miu", "min": "100", "max": "200", "delay": "0"}


def differences() -> list[str]:
    return [str(difference) for difference in audit.prove()]


def transfer(key: str, *, code: Code, amount: str = "1", user_id: int | None = None) -> None:
    """Move money as the orders do, behind their back."""
    customer, charges = chart.customer(user_id or scene.alice().pk), code == Code.ORDER_CHARGE
    book.post(
        book.Posting(
            key=key,
            debit=customer if charges else chart.SALES,
            credit=chart.SALES if charges else customer,
            amount_e8=money.parse(amount),
            code=code,
        ),
        now=NOW,
    )


def mixed_story() -> None:
    """Orders of every kind, ended in every way."""
    scene.order(Status.COMPLETED)
    refund.end(scene.order(Status.PENDING), to=Status.CANCELED, now=NOW, reason="t")
    refund.end(scene.order(Status.PENDING), to=Status.PARTIAL, now=NOW, reason="t", remains=123)
    scene.placed(scene.relayed(rate="0"))
    place.place(
        requests=[place.OrderRequest(user_id=scene.alice().pk, service_id=10**9, fields={})],
        now=NOW,
    )
    parent = scene.drip_feed(runs=4)
    runs = scene.make_runs(parent, 3)
    for run, end in zip(runs, (Status.COMPLETED, Status.PARTIAL), strict=False):
        active = scene.standing(run, Status.IN_PROGRESS)
        refund.end(active, to=end, now=NOW, reason="t", remains=300)
    requests.ask_cancel(user_id=parent.user_id, order_ids=[parent.pk], now=NOW)
    schedules.close_ended(now=NOW)
    assert scene.again(parent).status == Status.PARTIAL
    service = scene.relayed(type=OrderType.SUBSCRIPTIONS, rate_per=1000)
    subscription = scene.standing(scene.placed(service, **POSTS), Status.PENDING)
    posts = scene.serve(subscription, "501", "502", "503")
    refund.end(posts[0], to=Status.CANCELED, now=NOW, reason="t")
    refund.end(posts[1], to=Status.PARTIAL, now=NOW, reason="t", remains=50)
    corrected = scene.order(Status.COMPLETED)
    staff.set_status(order_id=corrected.pk, to=Status.PARTIAL, now=NOW, remains=1)


class TestProve:
    def test_finds_nothing_in_a_sound_story(self) -> None:
        assert audit.prove() == []

        mixed_story()

        assert audit.prove() == []
        assert ledger_audit.prove() == []

    def test_is_not_misled_by_other_movements(self) -> None:
        cast.fund(scene.alice(), "5")

        assert audit.prove() == []

    @pytest.mark.parametrize("change_e8", [-1, 1])
    def test_finds_a_charge_that_was_tampered_with(self, change_e8: int) -> None:
        mixed_story()
        order = scene.order()
        Order.objects.filter(pk=order.pk).update(charge_e8=F("charge_e8") + change_e8)

        assert differences() == [
            f"the charge of order {order.pk} says {money.text(money.ONE_E8 + change_e8)}, "
            "but its transfers come to 1"
        ]

    def test_finds_a_refund_that_was_never_paid(self) -> None:
        mixed_story()
        order = scene.order()
        Order.objects.filter(pk=order.pk).update(refunded_e8=1)

        assert differences() == [
            f"the refund of order {order.pk} says 0.00000001, but its transfers come to 0"
        ]

    def test_finds_a_refund_that_was_paid_and_forgotten(self) -> None:
        order = scene.order(Status.PENDING)
        refund.end(order, to=Status.CANCELED, now=NOW, reason="t")
        Order.objects.filter(pk=order.pk).update(refunded_e8=0)

        assert differences() == [
            f"the refund of order {order.pk} says 0, but its transfers come to 1"
        ]

    def test_finds_a_run_whose_parent_forgot_its_refund(self) -> None:
        parent = scene.drip_feed()
        schedules.run_due(now=NOW)
        run = scene.standing(Order.objects.get(parent=parent), Status.PENDING)
        refund.end(run, to=Status.CANCELED, now=NOW, reason="t")
        Order.objects.filter(pk=parent.pk).update(refunded_e8=0)

        assert differences() == [
            f"the refund of order {parent.pk} says 0, but its transfers come to 1"
        ]

    def test_finds_a_run_that_was_charged_apart_from_its_parent(self) -> None:
        parent = scene.drip_feed()
        schedules.run_due(now=NOW)
        run = Order.objects.get(parent=parent)
        transfer(f"order:{run.pk}:charge", code=Code.ORDER_CHARGE)

        assert differences() == [
            f"the charge of order {run.pk} says 0, but its transfers come to 1"
        ]

    def test_finds_an_order_that_nobody_paid(self) -> None:
        order = scene.placed(scene.relayed(rate="0"))
        Order.objects.filter(pk=order.pk).update(charge_e8=5)

        assert differences() == [
            f"the charge of order {order.pk} says 0.00000005, but its transfers come to 0"
        ]

    @pytest.mark.parametrize("code", [Code.ORDER_CHARGE, Code.ORDER_REFUND])
    @pytest.mark.parametrize(
        "key",
        [
            "order:999999:charge",
            "order:999999:refund",
            "order:99999999999999999999:charge",
            "order::charge",
            "order:-1:refund",
            "order:1.5:refund",
            "a gift",
            "x",
        ],
    )
    def test_finds_a_transfer_of_no_order(self, key: str, code: Code) -> None:
        mixed_story()
        transfer(key, code=code)

        assert differences() == [f"the order of transfer {key} says 0, but its transfers come to 1"]

    @pytest.mark.parametrize(
        ("key", "code"),
        [
            ("order:{}:refund", Code.ORDER_CHARGE),
            ("order:{}:refund:2", Code.ORDER_REFUND),
            ("order:0{}:charge", Code.ORDER_CHARGE),
            ("{}", Code.ORDER_REFUND),
            ("order:{}:charge:refund", Code.ORDER_REFUND),
        ],
    )
    def test_finds_a_transfer_that_only_looks_like_an_orders(self, key: str, code: Code) -> None:
        order = scene.order()
        transfer(key.format(order.pk), code=code)

        assert differences() == [
            f"the order of transfer {key.format(order.pk)} says 0, but its transfers come to 1"
        ]

    def test_finds_a_transfer_to_somebody_else(self) -> None:
        order = scene.order()
        bob = cast.bob().user
        transfer(f"order:{order.pk}:refund", code=Code.ORDER_REFUND, user_id=bob.pk)

        assert differences() == [
            f"the order of transfer order:{order.pk}:refund says 0, but its transfers come to 1"
        ]


class TestCounts:
    def test_says_how_many_orders_were_looked_at(self) -> None:
        scene.order()
        scene.order()

        assert audit.counts() == {"orders": 2}
