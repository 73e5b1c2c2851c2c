from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.catalogue.models import Service, ServiceSpeed
from relaypanel.contract import OrderType
from relaypanel.orders import speed
from relaypanel.orders.models import Order, OrderEvent, Status
from tests.orders import scene

pytestmark = pytest.mark.django_db


def completed(order: Order, *, minutes: float, to: Status = Status.COMPLETED) -> OrderEvent:
    return OrderEvent.objects.create(
        order=order, at=scene.later(minutes=minutes), to_status=to, reason="told"
    )


def known(service: Service, *minutes: float) -> None:
    """Let orders of this service have taken so long."""
    for each in minutes:
        completed(scene.placed(service), minutes=each)
    speed.learn(after_event=0)


class TestOf:
    def test_is_the_middle_one_of_the_latest_orders(self) -> None:
        service = scene.relayed()

        known(service, 10, 20, 30, 40, 10_000)

        assert speed.of([service.pk]) == {
            service.pk: speed.Speed(seconds=1800, quantity=1000, orders=5)
        }

    def test_is_absent_until_there_are_enough_orders(self) -> None:
        service = scene.relayed()

        known(service, *[10] * (speed.ORDERS_LEAST - 1))

        assert speed.of([service.pk, 999]) == {}

    def test_is_one_query_for_a_page(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        service = scene.relayed()
        known(service, *[10] * 5)

        with django_assert_num_queries(1):
            assert speed.of([service.pk, *range(100)])


class TestLearn:
    def test_goes_on_where_it_stopped(self) -> None:
        service = scene.relayed()
        first = completed(scene.placed(service), minutes=10)

        assert speed.learn(after_event=0) == first.pk
        assert speed.learn(after_event=first.pk) == first.pk

        last = completed(scene.placed(service), minutes=10)

        assert speed.learn(after_event=first.pk) == last.pk
        assert ServiceSpeed.objects.get().orders == 2

    def test_looks_at_no_more_than_a_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(speed, "BATCH", 2)
        order = scene.placed(scene.relayed())
        events = [*OrderEvent.objects.all(), *(completed(order, minutes=n) for n in range(3))]

        assert speed.learn(after_event=0) == events[1].pk
        assert speed.learn(after_event=events[1].pk) == events[3].pk

    def test_counts_an_event_once_when_a_run_is_repeated(self) -> None:
        service = scene.relayed()
        known(service, 10, 20)

        speed.learn(after_event=0)

        assert ServiceSpeed.objects.get().orders == 2

    def test_forgets_what_is_old(self) -> None:
        service = scene.relayed()

        known(service, *[10] * speed.ORDERS_KEPT)
        known(service, *[60] * speed.ORDERS_KEPT)

        [found] = speed.of([service.pk]).values()
        assert (found.seconds, found.orders) == (3600, speed.ORDERS_KEPT)

    @pytest.mark.parametrize("to", [Status.PARTIAL, Status.CANCELED, Status.IN_PROGRESS])
    def test_learns_nothing_from_what_was_not_completed(self, to: Status) -> None:
        completed(scene.placed(scene.relayed()), minutes=10, to=to)

        speed.learn(after_event=0)

        assert not ServiceSpeed.objects.exists()

    def test_learns_from_the_runs_of_a_drip_feed_and_not_from_the_whole(self) -> None:
        parent = scene.drip_feed(runs=2)
        [run] = scene.make_runs(parent, 1)
        completed(run, minutes=15)
        completed(parent, minutes=10_000)

        speed.learn(after_event=0)

        assert [end[1] for end in ServiceSpeed.objects.get().latest] == [900]

    def test_learns_nothing_from_the_length_of_a_subscription(self) -> None:
        order = scene.placed(scene.relayed())
        Order.objects.filter(pk=order.pk).update(type=OrderType.SUBSCRIPTIONS)
        completed(order, minutes=10_000)

        speed.learn(after_event=0)

        assert not ServiceSpeed.objects.exists()
