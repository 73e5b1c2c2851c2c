from __future__ import annotations

import pytest

from relaypanel.orders import reconcile, requests, restored
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.orders import scene

pytestmark = pytest.mark.django_db


class TestHoldAll:
    @pytest.mark.parametrize(
        ("origin", "to"),
        [
            (Status.QUEUED, Status.HELD),
            (Status.SENDING, Status.UNCONFIRMED),
            (Status.UNCONFIRMED, Status.UNCONFIRMED),
        ],
    )
    def test_keeps_what_may_have_been_sent(self, origin: Status, to: Status) -> None:
        order = scene.order(origin)

        held = restored.hold_all(now=cast.NOW)

        assert held == {Status.UNCONFIRMED: 0} | {to: 1}
        assert scene.again(order).status == to
        assert scene.reasons(order) == ["restored"]

    @pytest.mark.parametrize("origin", [Status.SENDING, Status.UNCONFIRMED])
    def test_lets_nothing_be_found_out_by_itself(self, origin: Status) -> None:
        order = scene.order(origin, sending_until=cast.NOW)
        provider = scene.upstream()
        provider.brackets_ids = True

        restored.hold_all(now=cast.NOW)

        assert scene.again(order).sending_until is None
        assert reconcile.open_case(provider=provider, now=scene.later(hours=48)) is None

    def test_lets_a_wish_to_cancel_end_nothing_unseen(self) -> None:
        order = scene.placed(scene.relayed(cancel=True))
        restored.hold_all(now=cast.NOW)

        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=cast.NOW)

        assert scene.again(order).status == Status.HELD

    @pytest.mark.parametrize(
        "status",
        [Status.HELD, Status.PENDING, Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELED],
    )
    def test_leaves_what_is_not_sent_any_more(self, status: Status) -> None:
        order = scene.order(status)

        assert restored.hold_all(now=cast.NOW).total() == 0
        assert scene.again(order).status == status

    def test_leaves_what_staff_deliver(self) -> None:
        order = scene.placed(cast.service(rate="1"))

        assert restored.hold_all(now=cast.NOW).total() == 0
        assert scene.again(order).status == Status.QUEUED

    def test_takes_more_than_one_transaction_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restored, "_BATCH", 2)
        service = scene.relayed()
        for number in range(5):
            scene.placed(service, link=f"https://example.com/post/{number}")

        assert restored.hold_all(now=cast.NOW)[Status.HELD] == 5

    def test_holds_the_run_that_was_due_too(self) -> None:
        parent = scene.drip_feed(runs=3, interval=30)

        assert restored.hold_all(now=cast.NOW)[Status.HELD] >= 1

        runs = Order.objects.filter(parent=parent)
        assert {run.status for run in runs} == {Status.HELD}
        assert scene.again(parent).status == Status.IN_PROGRESS
