"""Orders done by hand; tests/adminapi/test_orders.py walks through them from the wire."""

from __future__ import annotations

import pytest

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.orders import staff, supply
from relaypanel.orders.models import Order, OrderEvent, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import LINK, NOW, at_once

pytestmark = pytest.mark.django_db


def by_hand() -> Order:
    return scene.placed(cast.service(rate="1", cancel=True), link=LINK, quantity="100")


class TestPull:
    def test_hands_out_the_oldest_first_and_says_so_in_the_timeline(self) -> None:
        first, second = by_hand(), by_hand()

        assert supply.pull(services=None, limit=1, now=NOW) == [first]
        assert supply.pull(services=[second.service_id], limit=9, now=NOW) == [second]
        assert supply.pull(services=None, limit=9, now=NOW) == []
        event = OrderEvent.objects.filter(order=first).latest("pk")
        assert (event.to_status, event.reason) == (Status.PROCESSING, "pulled_by_supplier")


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_hands_out_each_order_to_one_supplier(self) -> None:
        orders = [by_hand().pk for _ in range(6)]

        def pull(_: int) -> list[int]:
            return [order.pk for order in supply.pull(services=None, limit=2, now=NOW)]

        pulled = [order_id for one in at_once(4, pull) for order_id in one]
        pulled += [order.pk for order in supply.pull(services=None, limit=9, now=NOW)]

        assert sorted(pulled) == orders


class TestReport:
    def test_writes_numbers_without_a_move(self) -> None:
        order = by_hand()
        supply.pull(services=None, limit=1, now=NOW)

        supply.report(
            order_id=order.pk, services=None, by=CONSOLE, now=NOW, start_count=7, remains=30
        )

        order.refresh_from_db()
        assert (order.status, order.start_count, order.remains) == (Status.PROCESSING, 7, 30)

    def test_leaves_nothing_of_a_report_that_is_refused(self) -> None:
        order = by_hand()

        with pytest.raises(staff.MoveNotAllowed):
            supply.report(
                order_id=order.pk,
                services=None,
                by=CONSOLE,
                now=NOW,
                start_count=7,
                to=Status.HELD,
            )

        order.refresh_from_db()
        assert (order.status, order.start_count) == (Status.QUEUED, None)
