from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from relaypanel import money
from relaypanel.catalogue.models import Route
from relaypanel.ledger.models import Transfer
from relaypanel.orders import refund, schedules, staff
from relaypanel.orders.models import FINAL, DripFeed, FeedState, Order, Status, Timekeeper
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later, runs

pytestmark = pytest.mark.django_db


def feed_of(parent: Order) -> DripFeed:
    return DripFeed.objects.get(order=parent)


def run_all(parent: Order) -> list[Order]:
    """Make every run of a feed and let upstream work on them."""
    made = scene.make_runs(parent, feed_of(parent).runs)
    return [scene.standing(run, Status.IN_PROGRESS) for run in made]


def leave(parent: Order, status: Status = Status.PENDING) -> Order:
    """Let the last run leave our queue."""
    return scene.standing(runs(parent)[-1], status)


def watch(*, start: datetime, minutes: float, every_seconds: float = 20) -> list[datetime]:
    """Look again and again, as a worker does; return the moments at which runs were made."""
    moments = [
        start + timedelta(seconds=every_seconds * look)
        for look in range(int(minutes * 60 / every_seconds) + 1)
    ]
    return [moment for moment in moments if schedules.look(now=moment)]


class TestRunDue:
    def test_makes_a_run_as_it_was_ordered(self) -> None:
        parent = scene.drip_feed(runs=3)

        assert schedules.run_due(now=later(minutes=1)) == 1

        [run] = runs(parent)
        assert (run.run, run.user, run.service) == (1, parent.user, parent.service)
        assert (run.link, run.quantity, run.remains) == (scene.LINK, 1000, 1000)
        assert (run.status, run.provider) == (Status.QUEUED, scene.upstream())
        assert (run.placed_at, run.due_at) == (later(minutes=1), later(minutes=1))
        assert run.fields == parent.fields == {}
        assert scene.again(parent).status == Status.IN_PROGRESS

    def test_is_paid_by_the_parent(self) -> None:
        parent = scene.drip_feed(runs=3)

        schedules.run_due(now=NOW)

        [run] = runs(parent)
        assert money.text(run.charge_e8) == "1"
        assert not Transfer.objects.filter(key=f"order:{run.pk}:charge").exists()
        assert scene.balance() == "997"
        assert scene.books_agree()

    def test_keeps_the_interval_from_when_the_last_run_was_seen_to_leave(self) -> None:
        parent = scene.drip_feed(runs=3, interval=30)
        schedules.run_due(now=NOW)
        leave(parent)
        schedules.run_due(now=later(seconds=5))

        assert schedules.run_due(now=later(minutes=30, seconds=5, microseconds=-1)) == 0
        assert schedules.run_due(now=later(minutes=30, seconds=5)) == 1

        assert [run.run for run in runs(parent)] == [1, 2]

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.SENDING, Status.HELD])
    def test_waits_for_a_run_that_is_still_with_us(self, status: Status) -> None:
        parent = scene.drip_feed(runs=3, interval=30)
        schedules.run_due(now=NOW)
        leave(parent, status)

        assert [schedules.run_due(now=later(minutes=30 * step)) for step in range(1, 5)] == [0] * 4

        assert feed_of(parent).next_run_at is None

    @pytest.mark.parametrize(
        "status", [Status.UNCONFIRMED, Status.PENDING, Status.COMPLETED, Status.CANCELED]
    )
    def test_waits_for_no_run_that_has_left_us(self, status: Status) -> None:
        parent = scene.drip_feed(runs=3, interval=30)
        schedules.run_due(now=NOW)
        leave(parent, status)

        schedules.run_due(now=later(minutes=1))

        assert feed_of(parent).next_run_at == later(minutes=31)

    def test_does_not_burst_when_the_runs_can_go_again(self) -> None:
        parent = scene.drip_feed(runs=5, interval=30)
        schedules.run_due(now=NOW)
        schedules.run_due(now=later(days=2))
        leave(parent)

        made = [schedules.run_due(now=later(days=2, minutes=minutes)) for minutes in (1, 2, 30, 31)]

        assert made == [0, 0, 0, 1]

    def test_ends_the_timetable_with_the_last_run(self) -> None:
        parent = scene.drip_feed(runs=2, interval=30)

        run_all(parent)

        assert (feed_of(parent).next_run_at, feed_of(parent).state) == (None, FeedState.MADE)
        assert [schedules.run_due(now=later(days=day)) for day in (9, 18)] == [0, 0]
        assert len(runs(parent)) == 2

    def test_makes_one_run_of_each_feed(self) -> None:
        first, second = scene.drip_feed(), scene.drip_feed()

        assert schedules.run_due(now=NOW) == 2

        assert (len(runs(first)), len(runs(second))) == (1, 1)

    def test_takes_the_route_there_is_today(self) -> None:
        parent = scene.drip_feed()
        Route.objects.all().delete()
        other = cast.route(parent.service, cast.provider(name="other"))

        schedules.run_due(now=NOW)

        assert runs(parent)[0].upstream_service == other

    def test_holds_a_run_that_no_route_can_take(self) -> None:
        parent = scene.drip_feed()
        Route.objects.update(enabled=False)

        schedules.run_due(now=NOW)

        assert runs(parent)[0].status == Status.HELD

    def test_queues_a_run_for_staff_where_there_was_no_route(self) -> None:
        parent = scene.placed(cast.service(dripfeed=True), runs="2", interval="5")

        schedules.run_due(now=NOW)

        assert (runs(parent)[0].status, runs(parent)[0].provider) == (Status.QUEUED, None)

    def test_makes_a_run_as_its_parent_was_sold(self) -> None:
        parent = scene.drip_feed()
        parent.service.rate_e8 *= 3
        parent.service.rate_per = 1
        parent.service.save()

        schedules.run_due(now=NOW)

        assert money.text(runs(parent)[0].charge_e8) == "1"
        assert runs(parent)[0].rate_per == 1000

    def test_leaves_a_run_that_another_worker_has_made(self) -> None:
        parent = scene.drip_feed()

        with scene.meanwhile(lambda: schedules.run_due(now=NOW), before="INNER JOIN"):
            made = schedules.run_due(now=NOW)

        assert made == 0
        assert len(runs(parent)) == 1

    @pytest.mark.django_db(transaction=True)
    def test_makes_a_run_once_for_many_workers(self) -> None:
        parent = scene.drip_feed(runs=5)

        made = scene.at_once(6, lambda _: schedules.run_due(now=NOW))

        assert sum(made) == 1
        assert [run.run for run in runs(parent)] == [1]


class TestLook:
    def test_makes_each_run_when_its_time_has_come(self) -> None:
        parent = scene.drip_feed(runs=2, interval=2)
        schedules.look(now=NOW)
        leave(parent)

        made = watch(start=later(seconds=10), minutes=5)

        assert made == [later(minutes=2, seconds=10)]
        assert [run.run for run in runs(parent)] == [1, 2]

    def test_ends_what_has_run_to_its_end(self) -> None:
        parent = scene.drip_feed(runs=1)
        schedules.look(now=NOW)
        leave(parent, Status.COMPLETED)

        schedules.look(now=later(seconds=2))

        assert scene.again(parent).status in FINAL

    @pytest.mark.parametrize("hours", [1, 24, 24 * 400])
    def test_makes_no_run_early_when_the_clock_jumps_forward(self, hours: int) -> None:
        parent = scene.drip_feed(runs=2, interval=2)
        schedules.look(now=NOW)
        leave(parent)
        watch(start=later(seconds=5), minutes=1)

        made = watch(start=later(hours=hours, seconds=70), minutes=5)

        assert made == [later(hours=hours, minutes=2, seconds=10)]

    @pytest.mark.parametrize("hours", [1, 24, 24 * 400])
    def test_keeps_no_run_waiting_when_the_clock_jumps_back(self, hours: int) -> None:
        parent = scene.drip_feed(runs=2, interval=2)
        schedules.look(now=NOW)
        leave(parent)
        watch(start=later(seconds=5), minutes=1)

        made = watch(start=later(hours=-hours, seconds=70), minutes=5)

        assert made == [later(hours=-hours, minutes=2, seconds=10)]

    def test_keeps_the_distance_after_a_standstill(self) -> None:
        parents = [scene.drip_feed(runs=5, interval=2) for _ in range(2)]
        schedules.look(now=NOW)
        for parent in parents:
            leave(parent)
        schedules.look(now=later(seconds=5))

        made = watch(start=later(days=3, seconds=5), minutes=4)

        # The first of the watch's steps comes after two minutes and ten seconds.
        assert made == [later(days=3, minutes=2, seconds=25)]

    def test_makes_a_first_run_at_once_after_a_standstill(self) -> None:
        schedules.look(now=later(days=-3))
        parent = scene.drip_feed(runs=5)

        assert schedules.look(now=later(seconds=1)) == 1

        assert len(runs(parent)) == 1

    def test_moves_paused_drip_feeds_too(self) -> None:
        parent = scene.drip_feed(runs=2, interval=60)
        schedules.look(now=NOW)
        leave(parent)
        schedules.look(now=later(seconds=1))
        schedules.pause(parent, now=NOW)

        schedules.look(now=later(days=1))

        assert feed_of(parent).next_run_at == later(days=1, hours=1, seconds=1)

    def test_hardly_writes_on_an_idle_panel(self) -> None:
        schedules.look(now=NOW)

        with scene.written() as rows:
            for seconds in range(2, 10, 2):
                schedules.look(now=later(seconds=seconds))
        assert rows == []

        schedules.look(now=later(seconds=10))
        assert Timekeeper.objects.get().watched_at == later(seconds=10)

    def test_takes_a_step_back_of_the_clock_as_no_time(self) -> None:
        schedules.look(now=NOW)

        schedules.look(now=later(seconds=-20))

        assert Timekeeper.objects.get().watched_at == NOW

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_leaves_it_to_another_worker_that_is_looking(self) -> None:
        scene.drip_feed()
        Timekeeper.objects.create(pk=1, watched_at=NOW)
        held = Timekeeper.objects.select_for_update().filter(pk=1)

        with transaction.atomic():
            list(held)
            assert scene.elsewhere(lambda: schedules.look(now=NOW)) == 0

        assert schedules.look(now=NOW) == 1

    @pytest.mark.django_db(transaction=True)
    def test_makes_a_run_once_for_many_workers(self) -> None:
        parent = scene.drip_feed(runs=5)

        made = scene.at_once(6, lambda _: schedules.look(now=NOW))

        assert sum(made) == 1
        assert [run.run for run in runs(parent)] == [1]


class TestPause:
    def test_lets_no_run_come_and_refunds_nothing(self) -> None:
        parent = scene.drip_feed(runs=3)

        schedules.pause(parent, now=NOW)

        assert schedules.run_due(now=later(days=1)) == 0
        assert (scene.balance(), scene.reasons(parent)) == ("997", ["drip_feed_paused"])
        assert scene.again(parent).status == Status.IN_PROGRESS

    def test_does_nothing_the_second_time(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.pause(parent, now=NOW)

        schedules.pause(parent, now=NOW)

        assert scene.reasons(parent) == ["drip_feed_paused"]

    def test_can_be_stopped(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.pause(parent, now=NOW)

        schedules.stop(parent, now=NOW)

        assert scene.balance() == "1000"
        assert scene.books_agree()

    def test_is_refused_when_no_run_is_to_come(self) -> None:
        parent = scene.drip_feed(runs=1)
        run_all(parent)

        with pytest.raises(schedules.DripFeedOver):
            schedules.pause(parent, now=NOW)


class TestResume:
    def test_lets_one_run_come_and_keeps_the_distance_after_it(self) -> None:
        parent = scene.drip_feed(runs=4, interval=30)
        schedules.run_due(now=NOW)
        leave(parent)
        schedules.pause(parent, now=NOW)
        schedules.run_due(now=later(minutes=1))

        schedules.resume(parent, now=later(days=1))

        assert [schedules.run_due(now=later(days=1, minutes=step)) for step in (0, 1)] == [1, 0]
        assert scene.reasons(parent) == ["drip_feed_paused", "drip_feed_resumed"]

    def test_does_not_come_inside_the_interval(self) -> None:
        parent = scene.drip_feed(runs=4, interval=30)
        schedules.run_due(now=NOW)
        leave(parent)
        schedules.run_due(now=NOW)
        schedules.pause(parent, now=later(minutes=1))

        schedules.resume(parent, now=later(minutes=2))

        assert [schedules.run_due(now=later(minutes=step)) for step in (3, 29, 30)] == [0, 0, 1]

    def test_is_refused_when_it_was_stopped(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.stop(parent, now=NOW)

        with pytest.raises(schedules.DripFeedOver):
            schedules.resume(parent, now=NOW)


class TestStop:
    def test_returns_what_the_unrun_runs_would_have_cost(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)

        schedules.stop(parent, now=NOW)

        assert money.text(scene.again(parent).refunded_e8) == "2"
        assert scene.balance() == "999"
        assert feed_of(parent).state == FeedState.MADE
        assert scene.reasons(parent) == ["drip_feed_stopped"]
        assert scene.books_agree()

    def test_makes_no_further_run(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)
        leave(parent)
        schedules.run_due(now=NOW)

        schedules.stop(parent, now=NOW)

        assert [schedules.run_due(now=later(days=day)) for day in (9, 18)] == [0, 0]
        assert [run.status for run in runs(parent)] == [Status.PENDING]

    def test_does_nothing_the_second_time(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.stop(parent, now=NOW)

        schedules.stop(parent, now=NOW)

        assert scene.balance() == "1000"
        assert scene.reasons(parent) == ["drip_feed_stopped"]

    def test_finds_nothing_to_return_after_the_last_run(self) -> None:
        parent = scene.drip_feed(runs=2)
        run_all(parent)

        schedules.stop(parent, now=NOW)

        assert (scene.balance(), scene.reasons(parent)) == ("998", [])

    def test_takes_the_account_first(self) -> None:
        parent = scene.drip_feed()

        with scene.touched() as touched:
            schedules.stop(parent, now=NOW)

        assert touched[0] == "account"

    @pytest.mark.django_db(transaction=True)
    def test_and_a_run_in_the_same_moment_are_paid_once(self) -> None:
        parents = [scene.drip_feed(runs=2) for _ in range(4)]

        def act(number: int) -> None:
            if number % 2:
                schedules.look(now=NOW)
            else:
                for parent in parents:
                    schedules.stop(parent, now=NOW)

        scene.at_once(4, act)

        made = Order.objects.filter(parent__in=parents).count()
        assert scene.balance() == str(1000 - made)
        assert scene.books_agree()


class TestCloseEnded:
    def test_completes_what_was_delivered(self) -> None:
        parent = scene.drip_feed(runs=2)
        for run in run_all(parent):
            refund.end(run, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        assert schedules.close_ended(now=later(hours=1)) == 1

        closed = scene.again(parent)
        assert (closed.status, closed.remains) == (Status.COMPLETED, 0)
        assert closed.ended_at == later(hours=1)
        assert feed_of(parent).state == FeedState.ENDED
        assert scene.reasons(parent) == ["runs_ended"]
        assert scene.balance() == "998"
        assert scene.books_agree()

    def test_is_partial_when_a_run_gave_something_back(self) -> None:
        parent = scene.drip_feed(runs=2)
        first, second = run_all(parent)
        refund.end(first, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)
        refund.end(second, to=Status.PARTIAL, now=NOW, reason="upstream", remains=400)

        schedules.close_ended(now=NOW)

        assert (scene.again(parent).status, scene.again(parent).remains) == (Status.PARTIAL, 400)
        assert money.text(scene.again(parent).refunded_e8) == "0.4"
        assert scene.balance() == "998.4"
        assert scene.books_agree()

    def test_counts_the_runs_that_were_never_made(self) -> None:
        parent = scene.drip_feed(runs=5)
        schedules.run_due(now=NOW)
        schedules.stop(parent, now=NOW)
        run = leave(parent)
        refund.end(run, to=Status.PARTIAL, now=NOW, reason="upstream", remains=10)

        schedules.close_ended(now=NOW)

        assert (scene.again(parent).status, scene.again(parent).remains) == (Status.PARTIAL, 4010)
        assert scene.books_agree()

    def test_is_canceled_when_everything_came_back(self) -> None:
        parent = scene.drip_feed(runs=2)
        for run in run_all(parent):
            refund.end(run, to=Status.CANCELED, now=NOW, reason="upstream")

        schedules.close_ended(now=NOW)

        assert (scene.again(parent).status, scene.again(parent).remains) == (Status.CANCELED, 2000)
        assert scene.balance() == "1000"
        assert scene.books_agree()

    def test_is_canceled_when_it_was_stopped_before_its_first_run(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.stop(parent, now=NOW)

        schedules.close_ended(now=NOW)

        assert (scene.again(parent).status, scene.again(parent).remains) == (Status.CANCELED, 2000)

    @pytest.mark.parametrize(
        ("made", "end", "status"),
        [(0, None, Status.CANCELED), (1, Status.COMPLETED, Status.PARTIAL)],
    )
    def test_says_of_what_was_free_how_much_was_delivered(
        self, made: int, end: Status | None, status: Status
    ) -> None:
        parent = scene.drip_feed(runs=2, rate="0")
        scene.make_runs(parent, made)
        if end:
            refund.end(leave(parent), to=end, now=NOW, reason="upstream", remains=0)
        schedules.stop(parent, now=NOW)

        schedules.close_ended(now=NOW)

        assert scene.again(parent).status == status

    def test_waits_for_the_last_run_to_end(self) -> None:
        parent = scene.drip_feed(runs=2)
        first, _ = run_all(parent)
        refund.end(first, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        assert schedules.close_ended(now=NOW) == 0

        assert scene.again(parent).status == Status.IN_PROGRESS

    @pytest.mark.parametrize("status", [Status.HELD, Status.UNCONFIRMED])
    def test_waits_for_a_run_that_staff_look_at(self, status: Status) -> None:
        parent = scene.drip_feed(runs=1)
        run_all(parent)
        leave(parent, status)

        assert schedules.close_ended(now=NOW) == 0

    def test_waits_for_runs_to_come(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.run_due(now=NOW)
        refund.end(leave(parent), to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        assert schedules.close_ended(now=NOW) == 0

    def test_leaves_manual_orders_alone(self) -> None:
        order = scene.standing(scene.placed(cast.service()), Status.IN_PROGRESS)

        assert schedules.close_ended(now=NOW) == 0

        assert scene.again(order).status == Status.IN_PROGRESS

    def test_leaves_what_another_worker_has_closed(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.stop(parent, now=NOW)

        with scene.meanwhile(lambda: schedules.close_ended(now=NOW), before="SAVEPOINT"):
            assert schedules.close_ended(now=NOW) == 0

        assert scene.again(parent).status == Status.CANCELED
        assert scene.reasons(parent) == ["drip_feed_stopped", "runs_ended"]

    def test_keeps_what_a_run_gives_back_in_the_last_moment(self) -> None:
        parent = scene.drip_feed(runs=2)
        first, second = run_all(parent)
        for run in (first, second):
            refund.end(run, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        def correct() -> None:
            staff.set_status(order_id=second.pk, to=Status.PARTIAL, now=NOW, remains=400)

        with scene.meanwhile(correct, before="SAVEPOINT"):
            schedules.close_ended(now=NOW)

        assert (scene.again(parent).status, scene.again(parent).remains) == (Status.PARTIAL, 400)
        assert money.text(scene.again(parent).refunded_e8) == "0.4"
        assert scene.books_agree()


class TestFollowCorrection:
    @pytest.mark.parametrize(
        ("to", "remains", "left"), [(Status.PARTIAL, 400, 400), (Status.CANCELED, 1000, 1000)]
    )
    def test_lets_the_parent_end_short_too(self, to: Status, remains: int, left: int) -> None:
        parent = scene.drip_feed(runs=2)
        for run in run_all(parent):
            refund.end(run, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)
        schedules.close_ended(now=NOW)

        staff.set_status(order_id=run.pk, to=to, now=later(hours=1), remains=remains)

        closed = scene.again(parent)
        assert (closed.status, closed.remains, closed.ended_at) == (Status.PARTIAL, left, NOW)
        assert scene.reasons(parent) == ["runs_ended", "run_corrected"]
        assert scene.books_agree()

    def test_leaves_a_parent_whose_runs_go_on(self) -> None:
        parent = scene.drip_feed(runs=2)
        first, _ = run_all(parent)

        staff.set_status(order_id=first.pk, to=Status.PARTIAL, now=NOW, remains=400)

        assert scene.again(parent).status == Status.IN_PROGRESS


class TestMakeMissed:
    def test_makes_what_can_have_been_made_since(self) -> None:
        parent = scene.drip_feed(runs=5, interval=30)
        schedules.run_due(now=NOW)
        leave(parent)
        schedules.run_due(now=later(minutes=10))

        schedules.make_missed(now=later(minutes=100))

        # One was due after 40 minutes, one after 70, and the next one can only have come after 100.
        assert [run.run for run in runs(parent)] == [1, 2, 3, 4]
        assert (feed_of(parent).next_run, feed_of(parent).next_run_at) == (5, None)

    def test_counts_from_the_last_run_where_the_next_was_not_planned(self) -> None:
        parent = scene.drip_feed(runs=5, interval=30)
        schedules.run_due(now=NOW)

        schedules.make_missed(now=later(minutes=59))

        assert [run.run for run in runs(parent)] == [1, 2]

    def test_stops_with_the_last_run(self) -> None:
        parent, paused = scene.drip_feed(runs=2), scene.drip_feed(runs=3)
        schedules.pause(paused, now=NOW)

        schedules.make_missed(now=later(days=9))

        assert (len(runs(parent)), len(runs(paused))) == (2, 3)
        assert feed_of(parent).state == FeedState.MADE

    def test_leaves_what_is_still_to_come(self) -> None:
        parent = scene.drip_feed()

        schedules.make_missed(now=later(seconds=-1))

        assert runs(parent) == []
