from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from relaypanel.contract import OrderType
from relaypanel.orders import sweep
from relaypanel.orders.models import ACTIVE, FINAL, Order, Status
from relaypanel.orders.sweep import ENDED, FRESH, OLD, Sweep
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def read(kind: Sweep, *, after: int = 0, limit: int = 100, now: datetime = NOW) -> list[Order]:
    return sweep.read(kind, provider_id=scene.upstream().pk, after=after, limit=limit, now=now)


def running(status: Status = Status.IN_PROGRESS, **columns: Any) -> Order:
    return scene.order(status, **columns)


def ended(at: datetime, status: Status = Status.COMPLETED) -> Order:
    return scene.order(status, ended_at=at)


class TestFresh:
    @pytest.mark.parametrize("status", ACTIVE)
    def test_are_the_running_ones_of_the_last_hour(self, status: Status) -> None:
        order = running(status)
        running(status, placed_at=NOW - HOUR - timedelta(seconds=1))

        assert read(FRESH) == [order]
        assert read(FRESH, now=NOW + HOUR) == [order]

    @pytest.mark.parametrize("status", sorted(set(Status) - set(ACTIVE)))
    def test_are_no_others(self, status: Status) -> None:
        running(status)

        assert read(FRESH) == []

    def test_are_not_another_providers(self) -> None:
        running()
        elsewhere = cast.provider(name="elsewhere")

        assert sweep.read(FRESH, provider_id=elsewhere.pk, after=0, limit=100, now=NOW) == []

    @pytest.mark.parametrize("kind", [FRESH, OLD])
    def test_go_on_where_the_last_look_stopped(self, kind: Sweep) -> None:
        placed_at = NOW if kind is FRESH else NOW - 2 * HOUR
        orders = [running(placed_at=placed_at) for _ in range(5)]

        first = read(kind, limit=2)
        second = read(kind, after=first[-1].pk, limit=2)
        last = read(kind, after=second[-1].pk, limit=2)

        assert [first, second, last] == [orders[:2], orders[2:4], orders[4:]]


class TestOld:
    @pytest.mark.parametrize("status", ACTIVE)
    def test_are_those_that_run_for_longer(self, status: Status) -> None:
        running(status)
        order = running(status, placed_at=NOW - HOUR - timedelta(seconds=1))

        assert read(OLD) == [order]

    def test_are_all_that_the_fresh_ones_are_not(self) -> None:
        orders = [running(placed_at=NOW - step * timedelta(minutes=20)) for step in range(6)]

        assert read(FRESH) + read(OLD) == orders


class TestEnded:
    @pytest.mark.parametrize("status", FINAL)
    def test_are_those_of_the_last_days(self, status: Status) -> None:
        ended(NOW - 3 * DAY - timedelta(seconds=1), status)
        order = ended(NOW - 3 * DAY, status)

        assert read(ENDED) == [order]

    @pytest.mark.parametrize("status", sorted(set(Status) - set(FINAL)))
    def test_are_no_others(self, status: Status) -> None:
        running(status)

        assert read(ENDED) == []

    def test_are_none_that_a_provider_never_had(self) -> None:
        scene.order(Status.CANCELED, upstream_id=None)

        assert read(ENDED) == []

    def test_are_no_subscriptions_but_their_posts(self) -> None:
        service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
        fields = {"username": "miu", "min": "100", "max": "200", "delay": "0"}
        parent = scene.standing(scene.placed(service, **fields), Status.IN_PROGRESS)
        [post] = scene.serve(parent, "501")
        scene.standing(parent, Status.COMPLETED)
        scene.standing(post, Status.COMPLETED, upstream_id="501")

        assert read(ENDED) == [post]

    def test_come_by_their_ends_also_where_many_ended_at_once(self) -> None:
        late = ended(NOW)
        together = [ended(NOW - HOUR) for _ in range(4)]
        early = ended(NOW - 2 * HOUR)

        seen: list[Order] = []
        while orders := read(ENDED, after=seen[-1].pk if seen else 0, limit=2):
            seen += orders

        assert seen == [early, *together, late]

    def test_begin_anew_where_the_last_one_runs_again(self) -> None:
        order = ended(NOW)
        strange = running()

        assert read(ENDED, after=strange.pk) == [order]


class TestRead:
    def test_is_one_query_without_long_texts(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        running()
        provider_id = scene.upstream().pk

        with django_assert_num_queries(1) as queries:
            [order] = sweep.read(FRESH, provider_id=provider_id, after=0, limit=100, now=NOW)

        assert {"fields", "link", "content_hash"} <= order.get_deferred_fields()
        assert '"link"' not in queries[0]["sql"]

    @pytest.mark.parametrize(
        ("kind", "index"),
        [
            (FRESH, "order_to_poll"),
            (OLD, "order_to_poll"),
            (ENDED, "order_to_poll_after_its_end"),
        ],
    )
    def test_is_served_by_its_index(self, kind: Sweep, index: str) -> None:
        orders = kind.after(kind.orders(scene.upstream().pk, NOW), 0)[:100]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Few rows are read fastest from one end to the other.
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("SET LOCAL enable_sort = off")

        assert index in orders.explain()


class TestCount:
    def test_is_of_the_whole_sweep(self) -> None:
        for _ in range(3):
            running(placed_at=NOW - 2 * HOUR)
        running()

        assert sweep.count(OLD, provider_id=scene.upstream().pk, now=NOW) == 3
        assert sweep.count(FRESH, provider_id=scene.upstream().pk, now=later(hours=2)) == 0
