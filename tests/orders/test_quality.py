from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.orders import quality
from relaypanel.orders.models import OrderEvent, Status
from relaypanel.orders.quality import Quality
from tests import cast
from tests.cast import NOW
from tests.orders import scene

pytestmark = pytest.mark.django_db


class TestOf:
    def test_tells_how_the_latest_orders_went(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        service = scene.relayed()
        for minutes in range(1, 9):
            done = scene.placed(service)
            scene.standing(done, Status.COMPLETED, ended_at=NOW + timedelta(minutes=minutes))
            OrderEvent.objects.create(
                order=done,
                at=NOW + timedelta(seconds=30),
                to_status=Status.IN_PROGRESS,
                reason="upstream",
            )
        scene.standing(scene.placed(service), Status.CANCELED)
        scene.standing(scene.placed(service), Status.PARTIAL)
        scene.placed(service)

        with django_assert_num_queries(2):
            told = quality.of(service.pk)

        assert told == Quality(
            orders=10,
            start_seconds=30,
            half_done_seconds=240,
            nine_tenths_done_seconds=480,
            canceled=10,
            partial=10,
        )

    def test_of_a_service_that_nobody_bought_is_nothing(self) -> None:
        told = quality.of(cast.service().pk)

        assert (told.orders, told.start_seconds, told.canceled) == (0, None, 0)
