from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from relaypanel.orders import detail, requests
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


def read(order: Order) -> detail.Detail:
    return detail.read(user_id=order.user_id, order_id=order.pk, now=NOW)


class TestRead:
    def test_tells_the_story_from_its_end(self) -> None:
        order = scene.order()
        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=NOW)

        found = read(order)

        assert found.standing.order.status == Status.CANCELED
        assert [event.reason for event in found.events] == ["canceled_before_sending", "placed"]

    def test_holds_what_was_asked(self) -> None:
        order = scene.order(Status.IN_PROGRESS)
        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=NOW)

        found = read(order)

        assert found.cancel is not None
        assert found.cancel.asked_at == NOW
        assert found.refills == []

    def test_holds_the_runs_of_a_drip_feed(self) -> None:
        parent = scene.drip_feed()
        runs = scene.make_runs(parent, 2)

        assert [part.pk for part in read(parent).parts] == [runs[1].pk, runs[0].pk]

    def test_is_not_there_for_a_stranger(self) -> None:
        order = scene.order()

        with pytest.raises(requests.OrderNotFound):
            detail.read(user_id=cast.bob().user.pk, order_id=order.pk, now=NOW)

    def test_asks_the_same_queries_however_long_the_story_is(
        self, django_assert_num_queries: Queries
    ) -> None:
        parent = scene.drip_feed(runs=20, max=100_000)
        scene.make_runs(parent, 20)

        with django_assert_num_queries(10):
            read(parent)
