from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.catalogue.models import Route
from relaypanel.ledger.models import Transfer
from relaypanel.orders import refund, schedules, staff
from relaypanel.orders.models import DripFeed, Order, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db


def runs(parent: Order) -> list[Order]:
    return list(Order.objects.filter(parent=parent).order_by("run"))


def run_all(parent: Order) -> list[Order]:
    """Make every run of a feed and let upstream work on them."""
    while schedules.run_due(now=later(days=len(runs(parent)))):
        pass
    return [scene.standing(run, Status.IN_PROGRESS) for run in runs(parent)]


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

    def test_keeps_the_interval(self) -> None:
        parent = scene.drip_feed(runs=3, interval=30)
        schedules.run_due(now=NOW)

        assert schedules.run_due(now=later(minutes=30, microseconds=-1)) == 0
        assert schedules.run_due(now=later(minutes=30)) == 1

        assert [run.run for run in runs(parent)] == [1, 2]

    def test_does_not_burst_after_a_standstill(self) -> None:
        parent = scene.drip_feed(runs=5, interval=30)
        schedules.run_due(now=NOW)

        made = [schedules.run_due(now=later(days=2, minutes=minutes)) for minutes in (0, 1, 29, 30)]

        assert made == [1, 0, 0, 1]
        assert len(runs(parent)) == 3

    def test_ends_the_timetable_with_the_last_run(self) -> None:
        parent = scene.drip_feed(runs=2, interval=30)
        schedules.run_due(now=NOW)

        schedules.run_due(now=later(minutes=30))

        assert DripFeed.objects.get(order=parent).next_run_at is None
        assert schedules.run_due(now=later(days=9)) == 0
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

    def test_charges_a_run_at_the_rate_of_its_parent(self) -> None:
        parent = scene.drip_feed()
        parent.service.rate_e8 *= 3
        parent.service.save()

        schedules.run_due(now=NOW)

        assert money.text(runs(parent)[0].charge_e8) == "1"

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


class TestStop:
    def test_returns_what_the_unrun_runs_would_have_cost(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)

        schedules.stop(parent, now=NOW)

        assert money.text(scene.again(parent).refunded_e8) == "2"
        assert scene.balance() == "999"
        assert DripFeed.objects.get(order=parent).next_run_at is None
        assert scene.reasons(parent) == ["drip_feed_stopped"]
        assert scene.books_agree()

    def test_makes_no_further_run(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)

        schedules.stop(parent, now=NOW)

        assert schedules.run_due(now=later(days=9)) == 0
        assert [run.status for run in runs(parent)] == [Status.QUEUED]

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
                schedules.run_due(now=NOW)
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
        run = scene.standing(runs(parent)[0], Status.IN_PROGRESS)
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

    def test_waits_for_the_last_run_to_end(self) -> None:
        parent = scene.drip_feed(runs=2)
        first, _ = run_all(parent)
        refund.end(first, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        assert schedules.close_ended(now=NOW) == 0

        assert scene.again(parent).status == Status.IN_PROGRESS

    def test_waits_for_runs_to_come(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.run_due(now=NOW)
        run = scene.standing(runs(parent)[0], Status.IN_PROGRESS)
        refund.end(run, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        assert schedules.close_ended(now=NOW) == 0

    def test_leaves_manual_orders_alone(self) -> None:
        order = scene.standing(scene.placed(cast.service()), Status.IN_PROGRESS)

        assert schedules.close_ended(now=NOW) == 0

        assert scene.again(order).status == Status.IN_PROGRESS

    def test_leaves_what_another_worker_has_closed(self) -> None:
        parent = scene.drip_feed(runs=2)
        schedules.stop(parent, now=NOW)

        with scene.meanwhile(lambda: schedules.close_ended(now=NOW), before="SAVEPOINT"):
            schedules.close_ended(now=NOW)

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
