from __future__ import annotations

import copy
import itertools

import pytest
from django.db.models import F

from relaypanel.contract import OrderWord
from relaypanel.orders import states
from relaypanel.orders.models import FINAL, Order, OrderEvent, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

# As docs/order-states.md draws them.
DRAWN = {
    "queued": "sending held pending processing in_progress completed partial canceled",
    "sending": "queued pending unconfirmed held canceled",
    "unconfirmed": "queued pending held canceled",
    "held": "queued pending processing in_progress completed partial canceled",
    "pending": "processing in_progress completed partial canceled",
    "processing": "pending in_progress completed partial canceled",
    "in_progress": "pending processing completed partial canceled",
    "completed": "partial canceled",
    "partial": "",
    "canceled": "",
}
PAIRS = list(itertools.product(Status, Status))
ALLOWED = [pair for pair in PAIRS if pair[1] in DRAWN[pair[0]].split()]


def manual(status: Status = Status.QUEUED) -> Order:
    """Return an order that may stand anywhere, because no provider is concerned."""
    return scene.standing(scene.placed(cast.service(rate="1")), status)


class TestMove:
    @pytest.mark.parametrize(("origin", "to"), ALLOWED)
    def test_takes_every_arrow_and_leaves_one_event(self, origin: Status, to: Status) -> None:
        order = manual(origin)

        states.move(order, to=to, now=later(hours=1), reason="tested", detail="why")

        assert scene.again(order).status == order.status == to
        assert scene.reasons(order) == ["tested"]
        event = OrderEvent.objects.get(order=order, reason="tested")
        assert (event.from_status, event.to_status) == (origin, to)
        assert (event.at, event.detail) == (later(hours=1), "why")

    @pytest.mark.parametrize(("origin", "to"), sorted(set(PAIRS) - set(ALLOWED)))
    def test_goes_nowhere_else(self, origin: Status, to: Status) -> None:
        order = manual(origin)

        with pytest.raises(AssertionError):
            states.move(order, to=to, now=NOW, reason="tested", start_count=7)

        assert (scene.again(order).status, scene.again(order).start_count) == (origin, None)
        assert scene.reasons(order) == []

    def test_writes_other_columns_in_the_same_step(self) -> None:
        order = manual()

        states.move(
            order, to=Status.PENDING, now=NOW, reason="t", start_count=7, attempts=F("attempts") + 1
        )

        stored = scene.again(order)
        assert (stored.start_count, stored.attempts) == (7, 1)
        assert (order.start_count, order.attempts) == (7, 1)

    @pytest.mark.parametrize("end", FINAL)
    def test_notes_the_moment_of_the_end(self, end: Status) -> None:
        order = manual(Status.IN_PROGRESS)

        states.move(order, to=end, now=later(hours=1), reason="t")

        assert scene.again(order).ended_at == order.ended_at == later(hours=1)

    @pytest.mark.parametrize("end", [Status.PARTIAL, Status.CANCELED])
    def test_keeps_the_moment_of_the_first_end(self, end: Status) -> None:
        order = manual(Status.COMPLETED)

        states.move(order, to=end, now=later(hours=1), reason="t")

        assert scene.again(order).ended_at == NOW

    @pytest.mark.parametrize("elsewhere", [{"status": Status.PENDING}, {"token": 1}])
    def test_writes_nothing_when_somebody_else_was_first(self, elsewhere: dict[str, str]) -> None:
        order = manual()
        Order.objects.filter(pk=order.pk).update(**elsewhere)

        with pytest.raises(states.LostRace):
            states.move(order, to=Status.SENDING, now=NOW, reason="t", start_count=7)

        stored = scene.again(order)
        assert stored.status == elsewhere.get("status", Status.QUEUED)
        assert stored.start_count is None
        assert scene.reasons(order) == []
        # The caller still holds what it knew.
        assert (order.status, order.start_count) == (Status.QUEUED, None)

    @pytest.mark.django_db(transaction=True)
    def test_lets_one_of_many_through(self) -> None:
        order = manual()

        def win(_: int) -> bool:
            try:
                states.move(copy.copy(order), to=Status.HELD, now=NOW, reason="t")
            except states.LostRace:
                return False
            return True

        wins = scene.at_once(8, win)

        assert sum(wins) == 1
        assert scene.reasons(order) == ["t"]


class TestMoveAll:
    def test_takes_all_of_them_with_an_event_each(self) -> None:
        orders = [manual() for _ in range(3)]

        states.move_all(orders, to=Status.HELD, now=NOW, reason="t", token=F("token") + 1)

        for order in orders:
            assert (scene.again(order).status, scene.again(order).token) == (Status.HELD, 1)
            assert (order.status, order.token) == (Status.HELD, 1)
            assert scene.reasons(order) == ["t"]

    def test_takes_none_when_one_has_moved_on(self) -> None:
        orders = [manual() for _ in range(3)]
        Order.objects.filter(pk=orders[1].pk).update(status=Status.PENDING)

        with pytest.raises(states.LostRace):
            states.move_all(orders, to=Status.HELD, now=NOW, reason="t")

        assert [scene.again(order).status for order in orders] == ["queued", "pending", "queued"]
        assert OrderEvent.objects.filter(reason="t").count() == 0

    def test_takes_only_orders_that_stand_together(self) -> None:
        with pytest.raises(AssertionError):
            states.move_all(
                [manual(), manual(Status.PENDING)], to=Status.COMPLETED, now=NOW, reason="t"
            )

        assert not Order.objects.filter(status=Status.COMPLETED).exists()

    def test_does_nothing_with_none(self) -> None:
        with scene.written() as rows:
            states.move_all([], to=Status.HELD, now=NOW, reason="t")

        assert rows == []


class TestRecord:
    def test_writes_down_what_left_the_status_as_it_was(self) -> None:
        order = manual()

        states.record([order], now=NOW, reason="looked_at", detail="x" * 501)

        event = OrderEvent.objects.get(order=order, reason="looked_at")
        assert (event.from_status, event.to_status) == ("", "")
        assert event.detail == "x" * 500


class TestWords:
    def test_say_pending_until_upstream_says_more(self) -> None:
        assert {status.value: word.value for status, word in states.WORDS.items()} == {
            "queued": "Pending",
            "sending": "Pending",
            "unconfirmed": "Pending",
            "held": "Pending",
            "pending": "Pending",
            "processing": "Processing",
            "in_progress": "In progress",
            "completed": "Completed",
            "partial": "Partial",
            "canceled": "Canceled",
        }

    @pytest.mark.parametrize("word", OrderWord)
    def test_lead_back_to_the_status_they_are_said_for(self, word: OrderWord) -> None:
        assert states.WORDS[states.FROM_WORD[word]] is word
