from __future__ import annotations

from datetime import timedelta

import pytest

from relaypanel.orders import queues
from relaypanel.orders.models import Status
from relaypanel.orders.queues import Counts
from tests import cast
from tests.cast import NOW
from tests.orders import scene
from tests.plans import plan

pytestmark = pytest.mark.django_db


class TestCounts:
    def test_tell_what_waits_and_runs_at_each_provider(self) -> None:
        for status in (Status.QUEUED, Status.QUEUED, Status.HELD, Status.PENDING):
            scene.order(status)
        running = scene.order(Status.IN_PROGRESS)

        assert queues.counts() == {running.provider_id: Counts(queued=2, held=1, active=2)}

    def test_leave_out_what_has_ended(self) -> None:
        scene.order(Status.COMPLETED)

        assert queues.counts() == {}

    def test_have_a_place_for_what_staff_deliver(self) -> None:
        scene.placed(cast.service(rate="1"))

        assert queues.counts() == {None: Counts(queued=1)}

    def test_are_counted_by_indexes_alone(self) -> None:
        found = plan(queues._COUNTS)

        assert all(
            index in found
            for index in ("order_to_send", "order_left_sending", "order_for_staff", "order_to_poll")
        )


class TestOldest:
    def test_tells_since_when_the_first_one_could_go(self) -> None:
        order = scene.order(due_at=NOW - timedelta(minutes=3))
        scene.order()

        assert queues.oldest(now=NOW) == {order.provider_id: NOW - timedelta(minutes=3)}

    def test_leaves_out_what_may_not_go_yet(self) -> None:
        scene.order(due_at=NOW + timedelta(seconds=1))

        assert queues.oldest(now=NOW) == {}
