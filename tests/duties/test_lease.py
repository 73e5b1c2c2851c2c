from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from relaypanel.duties import lease as leases
from relaypanel.duties.lease import Lease
from relaypanel.duties.models import Duty
from tests import cast

pytestmark = pytest.mark.django_db

NOW = cast.NOW
LASTING = timedelta(seconds=10)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def claim(*, limit: int = 10, seconds: float = 0) -> list[Lease]:
    return leases.claim(limit=limit, lasting=LASTING, now=later(seconds))


def names(claimed: list[Lease]) -> list[str]:
    return [lease.name for lease in claimed]


def claimed(name: str = "send:3") -> Lease:
    leases.ensure([name], now=NOW)
    [lease] = claim()
    return lease


class TestEnsure:
    def test_makes_the_duties_that_are_not_there(self) -> None:
        leases.ensure(["send:3", "schedules"], now=NOW)

        leases.ensure(["poll:3", "send:3"], now=later(5))

        assert list(Duty.objects.order_by("name").values_list("name", "due_at")) == [
            ("poll:3", later(5)),
            ("schedules", NOW),
            ("send:3", NOW),
        ]

    def test_writes_nothing_when_all_are_there(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        leases.ensure(["send:3"], now=NOW)

        with django_assert_num_queries(1):
            leases.ensure(["send:3"], now=NOW)

    @pytest.mark.django_db(transaction=True)
    def test_makes_each_once_for_many_workers(self) -> None:
        gate = Barrier(4, timeout=30)

        def ensure(_: int) -> None:
            gate.wait()
            leases.ensure(["send:3", "poll:3"], now=NOW)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ensure, range(4)))

        assert Duty.objects.count() == 2


class TestLease:
    def test_has_a_kind_and_a_subject(self) -> None:
        lease = Lease(name="send:31", token=1, cursor=0, failures=0)

        assert (lease.kind, lease.subject) == ("send", 31)

    def test_of_the_whole_panel_has_a_kind_alone(self) -> None:
        assert Lease(name="schedules", token=1, cursor=0, failures=0).kind == "schedules"


class TestClaim:
    def test_has_a_duty_for_a_while(self) -> None:
        lease = claimed()

        assert lease == Lease(name="send:3", token=1, cursor=0, failures=0)
        assert Duty.objects.get().leased_until == later(10)
        assert claim(seconds=10) == []

    def test_takes_the_longest_due_first_up_to_the_limit(self) -> None:
        for number, name in enumerate(["third", "second", "first"]):
            leases.ensure([name], now=later(-number))

        assert names(claim(limit=2)) == ["first", "second"]
        assert names(claim(limit=2)) == ["third"]

    def test_leaves_what_is_not_due(self) -> None:
        leases.ensure(["send:3"], now=later(1))

        assert claim(seconds=0.999) == []
        assert names(claim(seconds=1)) == ["send:3"]

    @pytest.mark.parametrize("limit", [0, -1])
    def test_does_not_even_look_without_room(
        self, limit: int, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        leases.ensure(["send:3"], now=NOW)

        with django_assert_num_queries(0):
            assert claim(limit=limit) == []

    def test_looks_once_when_nothing_is_due(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        claimed()

        with django_assert_num_queries(1):
            assert claim() == []

    def test_takes_over_what_a_dead_worker_had(self) -> None:
        dead = claimed()

        [taken] = claim(seconds=10.000001)

        assert (taken.name, taken.token) == (dead.name, dead.token + 1)

    @pytest.mark.django_db(transaction=True)
    def test_gives_no_duty_to_two(self) -> None:
        leases.ensure([f"send:{number}" for number in range(20)], now=NOW)
        gate = Barrier(5, timeout=30)

        def take(_: int) -> list[str]:
            gate.wait()
            return [name for _round in range(5) for name in names(claim(limit=2))]

        with ThreadPoolExecutor(5) as pool:
            taken = list(itertools.chain(*pool.map(take, range(5))))
        taken += names(claim(limit=100))

        assert sorted(taken) == sorted(f"send:{number}" for number in range(20))
        assert set(Duty.objects.values_list("token", flat=True)) == {1}

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_does_not_wait_for_what_another_worker_takes(self) -> None:
        leases.ensure(["first"], now=NOW)
        leases.ensure(["second"], now=later(1))

        def theirs() -> list[str]:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                return names(claim(limit=1, seconds=2))

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            mine = names(claim(limit=1, seconds=2))
            assert pool.submit(theirs).result() == ["second"]

        assert mine == ["first"]


class TestRenew:
    def test_has_the_duty_for_longer(self) -> None:
        lease = claimed()

        leases.renew([lease], lasting=LASTING, now=later(9))

        assert claim(seconds=19) == []
        assert names(claim(seconds=19.000001)) == ["send:3"]

    def test_is_in_time_as_long_as_nobody_took_it_over(self) -> None:
        lease = claimed()

        leases.renew([lease], lasting=LASTING, now=later(60))

        assert claim(seconds=61) == []

    def test_does_not_take_back_what_another_has(self) -> None:
        old = claimed()
        claim(seconds=11)

        leases.renew([old], lasting=LASTING, now=later(20))

        assert Duty.objects.get().leased_until == later(21)

    def test_does_not_hold_what_was_given_back_meanwhile(self) -> None:
        lease = claimed()
        leases.finish(lease, due_at=later(1))

        leases.renew([lease], lasting=LASTING, now=later(1))

        assert names(claim(seconds=1)) == ["send:3"]


class TestIsHeld:
    def test_until_it_is_given_back(self) -> None:
        lease = claimed()
        assert leases.is_held(lease)

        leases.finish(lease, due_at=NOW)

        assert not leases.is_held(lease)

    def test_until_another_has_it(self) -> None:
        old = claimed()
        [new] = claim(seconds=11)

        assert not leases.is_held(old)
        assert leases.is_held(new)


class TestFinish:
    def test_gives_the_duty_back_until_it_is_due_again(self) -> None:
        lease = claimed()

        assert leases.finish(lease, due_at=later(30), cursor=812)

        assert claim(seconds=29) == []
        [again] = claim(seconds=30)
        assert (again.cursor, again.token) == (812, 2)

    def test_forgets_the_cursor_of_a_whole_sweep(self) -> None:
        leases.finish(claimed(), due_at=NOW, cursor=812)
        [lease] = claim()

        leases.finish(lease, due_at=NOW)

        assert Duty.objects.get().cursor == 0

    def test_forgets_earlier_failures(self) -> None:
        leases.fail(claimed(), error="broken", now=NOW)
        [lease] = claim(seconds=1)
        assert lease.failures == 1

        leases.finish(lease, due_at=NOW)

        assert (Duty.objects.get().failures, Duty.objects.get().last_error) == (0, "")

    def test_says_that_the_lease_was_lost(self) -> None:
        old = claimed()
        claim(seconds=11)
        before = Duty.objects.values().get()

        assert not leases.finish(old, due_at=NOW, cursor=812)

        assert Duty.objects.values().get() == before

    def test_gives_back_once(self) -> None:
        lease = claimed()
        leases.finish(lease, due_at=later(30))

        assert not leases.finish(lease, due_at=NOW)

        assert Duty.objects.get().due_at == later(30)

    def test_leaves_the_other_duties(self) -> None:
        leases.ensure(["poll:3", "send:3"], now=NOW)
        first, second = claim()

        leases.finish(first, due_at=later(30))

        assert Duty.objects.get(name=second.name).leased_until == later(10)


class TestFail:
    def test_rests_longer_after_each_failure(self) -> None:
        leases.ensure(["send:3"], now=NOW)
        now, rests = NOW, []

        for _ in range(12):
            [lease] = leases.claim(limit=1, lasting=LASTING, now=now)
            leases.fail(lease, error="broken", now=now)
            due_at = Duty.objects.get().due_at
            rests.append((due_at - now).total_seconds())
            now = due_at

        assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
        assert Duty.objects.get().failures == 10

    def test_keeps_the_beginning_of_the_error(self) -> None:
        leases.fail(claimed(), error="x" * 301, now=NOW)

        assert Duty.objects.get().last_error == "x" * 300

    def test_goes_on_from_where_it_had_begun(self) -> None:
        leases.finish(claimed(), due_at=NOW, cursor=812)
        [lease] = claim()

        leases.fail(lease, error="broken", now=NOW)

        [again] = claim(seconds=1)
        assert again.cursor == 812

    def test_writes_nothing_when_the_lease_was_lost(self) -> None:
        old = claimed()
        claim(seconds=11)
        before = Duty.objects.values().get()

        leases.fail(old, error="broken", now=NOW)

        assert Duty.objects.values().get() == before
