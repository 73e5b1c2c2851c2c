from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from relaypanel.orders import roll
from relaypanel.orders.models import Status
from relaypanel.orders.roll import Wanted
from tests.orders import scene

pytestmark = pytest.mark.django_db


class TestPage:
    def test_asks_once_for_any_number_of_orders(self) -> None:
        for _ in range(3):
            scene.order()

        with CaptureQueriesContext(connection) as asked:
            rows = roll.page(Wanted(), limit=10)
            names = {(row.user.username, row.service.name, row.provider) for row in rows}

        assert len(asked) == 1
        assert len(rows) == len(names) == 3

    def test_goes_on_after_an_order_either_way(self) -> None:
        first, second, third = (scene.order() for _ in range(3))

        assert list(roll.page(Wanted(after_id=second.pk), limit=9)) == [first]
        assert list(roll.page(Wanted(after_id=second.pk, oldest_first=True), limit=9)) == [third]
        assert list(roll.page(Wanted(offset=1), limit=1)) == [second]

    def test_finds_by_state_and_service(self) -> None:
        held, sent = scene.order(Status.HELD), scene.order(Status.IN_PROGRESS, upstream_id="9")

        assert list(roll.page(Wanted(statuses=[Status.HELD]), limit=9)) == [held]
        assert list(roll.page(Wanted(service_ids=[sent.service_id]), limit=9)) == [sent]
        assert list(roll.page(Wanted(ids=[]), limit=9)) == []
        assert roll.find(held.pk, service_ids=[sent.service_id]) is None
        assert roll.find(held.pk) == held
