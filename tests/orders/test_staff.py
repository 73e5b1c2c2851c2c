from __future__ import annotations

from typing import Any

import pytest

from relaypanel import money
from relaypanel.orders import staff, states
from relaypanel.orders.models import CancelState, Order, OrderEvent, Status
from relaypanel.providers.models import Provider
from tests import cast
from tests.orders import scene
from tests.orders.scene import later

pytestmark = pytest.mark.django_db

ACTIVE = [Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS]
FINAL = [Status.COMPLETED, Status.PARTIAL, Status.CANCELED]


def manual(status: Status = Status.QUEUED) -> Order:
    return scene.standing(scene.placed(cast.service(rate="1")), status)


def set_status(order: Order, to: Status, *, remains: int | None = None) -> Order:
    return staff.set_status(order_id=order.pk, to=to, now=later(hours=1), remains=remains)


def refused(order: Order, to: Status, *, remains: int | None = None) -> str:
    """Return the words of a refusal that wrote nothing."""
    with scene.written() as rows, pytest.raises(staff.MoveNotAllowed) as refusal:
        set_status(order, to, remains=remains)
    assert rows == []
    return str(refusal.value)


class TestManualOrder:
    def test_goes_along_the_arrows_to_its_end(self) -> None:
        order = manual()

        for to in (*ACTIVE, Status.PENDING):
            assert set_status(order, to).status == to
        ended = set_status(order, Status.COMPLETED)

        assert (ended.status, ended.remains) == (Status.COMPLETED, 0)
        assert scene.again(order).ended_at == later(hours=1)
        assert scene.reasons(order) == ["staff"] * 5
        assert scene.balance() == "999"

    def test_returns_the_part_that_staff_name(self) -> None:
        order = set_status(manual(Status.IN_PROGRESS), Status.PARTIAL, remains=400)

        assert (order.remains, money.text(order.refunded_e8)) == (400, "0.4")
        assert scene.balance() == "999.4"
        assert scene.books_agree()

    def test_keeps_the_remains_it_has_when_staff_name_none(self) -> None:
        order = scene.standing(manual(), Status.IN_PROGRESS, remains=300)

        assert set_status(order, Status.PARTIAL).remains == 300

        assert scene.balance() == "999.3"

    def test_keeps_what_remains_of_a_completed_order_if_staff_name_it(self) -> None:
        assert set_status(manual(), Status.COMPLETED, remains=12).remains == 12

    def test_returns_everything_when_canceled(self) -> None:
        order = manual()
        request = scene.asked(order)

        set_status(order, Status.CANCELED)

        request.refresh_from_db()
        assert (scene.balance(), request.state) == ("1000", CancelState.DONE)
        assert scene.books_agree()

    @pytest.mark.parametrize("to", [Status.PARTIAL, Status.CANCELED])
    def test_may_be_corrected_once_after_its_end(self, to: Status) -> None:
        order = set_status(manual(), Status.COMPLETED)

        set_status(order, to, remains=1000)

        assert scene.balance() == "1000"
        assert "cannot become" in refused(order, Status.CANCELED)
        assert "cannot become" in refused(order, Status.PARTIAL, remains=1000)

    @pytest.mark.parametrize("remains", [-1, 1001])
    @pytest.mark.parametrize("to", FINAL)
    def test_has_no_remains_that_cannot_be(self, to: Status, remains: int) -> None:
        assert refused(manual(), to, remains=remains) == "remains is between 0 and 1000"

    @pytest.mark.parametrize("to", [Status.QUEUED, Status.SENDING, Status.UNCONFIRMED, Status.HELD])
    @pytest.mark.parametrize("origin", [Status.QUEUED, Status.HELD, Status.UNCONFIRMED])
    def test_is_not_put_where_only_the_worker_puts_it(self, origin: Status, to: Status) -> None:
        assert "cannot become" in refused(manual(origin), to)

    @pytest.mark.parametrize("status", Status)
    def test_stays_where_it_stands(self, status: Status) -> None:
        assert refused(manual(status), status)


class TestOrderOfAProvider:
    @pytest.mark.parametrize("origin", [Status.QUEUED, Status.HELD])
    @pytest.mark.parametrize("to", ACTIVE)
    def test_that_waits_becomes_manual_when_staff_take_it_on(
        self, origin: Status, to: Status
    ) -> None:
        order = scene.order(origin)

        set_status(order, to)

        stored = scene.again(order)
        assert (stored.status, stored.provider, stored.upstream_service) == (to, None, None)

    @pytest.mark.parametrize("origin", ACTIVE)
    @pytest.mark.parametrize("to", ACTIVE)
    def test_that_runs_is_moved_on_by_its_provider_alone(self, origin: Status, to: Status) -> None:
        assert refused(scene.order(origin), to)

    @pytest.mark.parametrize("origin", ACTIVE)
    @pytest.mark.parametrize("to", FINAL)
    def test_that_runs_may_be_ended(self, origin: Status, to: Status) -> None:
        order = set_status(scene.order(origin), to, remains=400)

        assert order.status == to
        assert scene.again(order).provider == scene.upstream()
        assert scene.books_agree()

    @pytest.mark.parametrize("to", sorted(Status))
    def test_that_is_being_sent_waits_for_its_answer(self, to: Status) -> None:
        assert "is being sent" in refused(scene.order(Status.SENDING), to)

    def test_that_may_still_arrive_waits_for_its_answer(self) -> None:
        order = scene.order(Status.UNCONFIRMED, sending_until=later(minutes=59))

        assert "may still be on its way" in refused(order, Status.CANCELED)

    def test_that_may_exist_upstream_is_only_canceled(self) -> None:
        order = scene.order(Status.UNCONFIRMED)

        for to in set(Status) - {Status.CANCELED}:
            assert refused(order, to)
        set_status(order, Status.CANCELED)

        assert scene.balance() == "1000"


class TestDripFeed:
    @pytest.mark.parametrize("to", [Status.PENDING, *FINAL])
    def test_ends_with_its_runs(self, to: Status) -> None:
        assert "drip-feed" in refused(scene.drip_feed(), to)


class TestSetStatus:
    def test_finds_no_order_that_is_not_there(self) -> None:
        with pytest.raises(staff.NoSuchOrder, match="there is no order 999999999"):
            staff.set_status(order_id=999_999_999, to=Status.CANCELED, now=later())

    def test_takes_the_account_before_the_order(self) -> None:
        order = manual()

        with scene.touched() as touched:
            set_status(order, Status.CANCELED)

        assert touched[:2] == ["account", "order"]

    @pytest.mark.django_db(transaction=True)
    def test_pays_once_when_two_end_it_at_once(self) -> None:
        order = manual(Status.IN_PROGRESS)

        def end(_: int) -> bool:
            try:
                set_status(order, Status.PARTIAL, remains=400)
            except (staff.MoveNotAllowed, states.LostRace):
                return False
            return True

        assert sum(scene.at_once(6, end)) == 1
        assert scene.balance() == "999.4"
        assert scene.books_agree()


class TestRelease:
    def held(self, **columns: Any) -> Order:
        return scene.order(Status.HELD, **columns)

    def test_puts_a_held_order_back_into_the_queue(self) -> None:
        order = self.held()

        released = staff.release(order_id=order.pk, now=scene.NOW, reason="asked them")

        assert released.status == Status.QUEUED
        stored = scene.again(order)
        assert (stored.provider, stored.due_at) == (scene.upstream(), scene.NOW)
        event = OrderEvent.objects.filter(order=order).latest("pk")
        assert (event.reason, event.detail) == ("released", "asked them")

    def test_needs_a_reason_for_what_may_be_upstream(self) -> None:
        order = self.held(may_be_upstream=True)

        with pytest.raises(staff.MoveNotAllowed, match="may be upstream"):
            staff.release(order_id=order.pk, now=scene.NOW)

        staff.release(order_id=order.pk, now=scene.NOW, reason="not in their list")
        assert not scene.again(order).may_be_upstream

    def test_needs_a_route(self) -> None:
        order = self.held()
        Provider.objects.update(enabled=False)

        with pytest.raises(staff.MoveNotAllowed, match="no usable route"):
            staff.release(order_id=order.pk, now=scene.NOW)

    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.HELD}))
    def test_takes_held_orders_alone(self, status: Status) -> None:
        order = scene.order(status)

        with pytest.raises(staff.MoveNotAllowed):
            staff.release(order_id=order.pk, now=scene.NOW, reason="x")

        assert scene.again(order).status == status
