from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from relaypanel.contract import OrderType
from relaypanel.duties.models import Restoration
from relaypanel.orders import brackets, send
from relaypanel.orders.brackets import Attempt, Neighbour
from relaypanel.orders.matching import Bracket
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.answers import Accepted, Fault, NotSent, Rejected
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.orders import lost, scene
from tests.orders.lost import UNCLEAR
from tests.orders.scene import later

pytestmark = pytest.mark.django_db


def attempt(order: Order) -> Attempt:
    [found] = brackets.attempts([scene.again(order)])
    return found


def upstream_id(neighbour: Neighbour | None) -> int | None:
    return None if neighbour is None else neighbour.upstream_id


class TestAttempts:
    def test_are_settled_when_nothing_can_arrive_any_more(self) -> None:
        order = lost.lost(60)

        found = attempt(order)

        # Twice the deadline of 30 seconds, and that once more.
        assert (found.begun_at, found.settled_at) == (later(seconds=60), later(seconds=180))

    def test_are_the_last_one_of_each_order(self) -> None:
        _, parcel = lost.sent(60)
        order = lost.answered(parcel, NotSent(reason="refused"), 61)
        again = lost.intend(order, 90)

        found = attempt(lost.answered(again, UNCLEAR, 100))

        assert found.begun_at == later(seconds=90)

    @pytest.mark.parametrize("order", [Status.UNCONFIRMED, Status.QUEUED])
    def test_are_none_of_an_order_that_was_not_sent(self, order: Status) -> None:
        assert brackets.attempts([scene.order(order, sending_until=None)]) == []
        assert brackets.attempts([scene.order(order, sending_until=later())]) == []


class TestIsSettled:
    @pytest.mark.parametrize(
        ("now", "settled"), [(later(seconds=180), False), (later(seconds=181), True)]
    )
    def test_is_said_of_an_order_that_was_sent(self, now: datetime, settled: bool) -> None:
        assert brackets.is_settled(lost.lost(60), now=now) is settled

    def test_is_said_of_one_that_was_not(self) -> None:
        assert brackets.is_settled(scene.order(Status.UNCONFIRMED), now=later())


class TestGhosts:
    def test_are_what_staff_decided_without_proof(self) -> None:
        order = lost.lost(60)
        scene.standing(order, Status.CANCELED)
        OrderEvent.objects.create(
            order=order,
            at=later(seconds=500),
            from_status=Status.UNCONFIRMED,
            to_status=Status.CANCELED,
            reason=brackets.REFUNDED_BY_STAFF,
        )

        [ghost] = brackets.ghosts(scene.upstream(), since=later(seconds=500))

        assert ghost.order == order
        assert (ghost.begun_at, ghost.settled_at) == (later(seconds=60), later(seconds=500))
        assert brackets.ghosts(scene.upstream(), since=later(seconds=501)) == []
        assert brackets.ghosts(cast.provider(name="elsewhere"), since=later()) == []


class TestBelow:
    def test_is_the_highest_id_recorded_before_the_intent(self) -> None:
        lost.accepted(0, "12")
        lost.accepted(1, "10")

        found = brackets.below(attempt(lost.lost()))

        assert found is not None
        assert (found.upstream_id, found.begun_at) == (12, later(seconds=0))

    def test_is_not_one_that_was_told_after_it(self) -> None:
        lost.accepted(0, "10")
        _, early = lost.sent(50)
        order = lost.lost(60)
        lost.answered(early, Accepted(upstream_id="13"), 61)

        assert upstream_id(brackets.below(attempt(order))) == 10

    def test_is_not_one_that_was_attached(self) -> None:
        lost.accepted(0, "10")
        first = lost.lost(20)
        lost.accepted(300, "20")
        lost.look({"13": lost.says()})

        order = lost.lost(500)

        assert scene.again(first).upstream_id == "13"
        assert upstream_id(brackets.below(attempt(order))) == 20

    @pytest.mark.parametrize(("pages", "found"), [(3, 10), (2, None)])
    def test_stands_behind_those_that_were_attached(
        self, monkeypatch: pytest.MonkeyPatch, pages: int, found: int | None
    ) -> None:
        monkeypatch.setattr(brackets, "PAGES_MAX", pages)
        lost.provider(concurrency=1)
        lost.accepted(0, "10")
        # A page has 36 of them.
        for at in range(36 * 2):
            order = lost.lost(at + 1)
            scene.standing(order, Status.PENDING, upstream_id=str(100 + at))

        assert upstream_id(brackets.below(attempt(lost.lost(100)))) == found

    def test_is_not_another_providers(self) -> None:
        elsewhere = cast.provider(name="elsewhere")
        lost.accepted(0, "10")
        Order.objects.update(provider=elsewhere)

        assert brackets.below(attempt(lost.lost())) is None

    def test_is_not_of_another_age(self) -> None:
        lost.accepted(0, "10")

        assert brackets.below(attempt(lost.lost(86_400 + 1))) is None

    def test_is_not_from_before_a_backup_was_restored(self) -> None:
        lost.accepted(0, "10")
        before = lost.lost(60)
        Restoration.objects.create(at=later(seconds=70))
        Restoration.objects.create(at=later(seconds=20))
        lost.accepted(80, "20")

        assert brackets.below(attempt(before)) is None
        assert upstream_id(brackets.below(attempt(lost.lost(90)))) == 20

    def test_is_not_a_word(self) -> None:
        order = lost.accepted(0, "10")
        Order.objects.filter(pk=order.pk).update(upstream_id="ten")

        assert brackets.below(attempt(lost.lost())) is None


class TestAbove:
    def test_is_the_lowest_id_of_those_begun_later(self) -> None:
        order = lost.lost(60)
        lost.accepted(181, "22")
        lost.accepted(190, "21")

        assert upstream_id(brackets.above(attempt(order))) == 21

    def test_is_not_one_begun_while_it_could_still_arrive(self) -> None:
        order = lost.lost(60)
        lost.accepted(180, "20")

        assert brackets.above(attempt(order)) is None

    def test_is_not_of_another_age(self) -> None:
        order = lost.lost(60)
        lost.accepted(180 + 86_401, "20")

        assert brackets.above(attempt(order)) is None

    def test_is_not_another_providers(self) -> None:
        order = lost.lost(60)
        later_one = lost.accepted(200, "20")
        Order.objects.filter(pk=later_one.pk).update(provider=cast.provider(name="elsewhere"))

        assert brackets.above(attempt(order)) is None

    def test_is_not_one_without_an_id(self) -> None:
        order = lost.lost(60)
        _, parcel = lost.sent(200)
        lost.answered(parcel, Rejected(fault=Fault.NEVER, words="Bad link"), 201)

        assert brackets.above(attempt(order)) is None


class TestNewest:
    def test_is_the_highest_of_those_begun_since(self) -> None:
        order = lost.lost(60)

        assert brackets.newest(attempt(order)) == 0

        lost.accepted(61, "15")
        lost.accepted(62, "14")

        assert brackets.newest(attempt(order)) == 15


class TestKnown:
    def test_are_ours_at_this_provider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(brackets, "IDS_IN_A_STATEMENT", 2)
        lost.accepted(0, "12")
        lost.accepted(1, "15")
        elsewhere = cast.provider(name="elsewhere")

        assert brackets.known(scene.upstream().pk, range(10, 20)) == {12, 15}
        assert brackets.known(elsewhere.pk, range(10, 20)) == set()


class TestLost:
    @pytest.mark.parametrize(
        ("type", "rate"),
        [
            (OrderType.DEFAULT, (50_000_000, 1000)),
            (OrderType.PACKAGE, (50_000_000, 1)),
            (OrderType.SUBSCRIPTIONS, (None, 1)),
        ],
    )
    def test_costs_what_its_provider_takes(self, type: OrderType, rate: Any) -> None:
        order = lost.lost()
        UpstreamService.objects.update(type=type)

        found = brackets.lost(attempt(order), Bracket(lower=1, upper=None), asked=[2])

        assert (found.rate_e8, found.rate_per) == rate
        assert (found.order_id, found.quantity, found.asked) == (order.pk, 1000, [2])


class TestMargin:
    def test_is_added_to_the_lease_that_sending_writes(self) -> None:
        provider = Provider(deadline_ms=1_000)

        assert brackets.margin(provider) == brackets.lease(provider) == later(seconds=2) - later()

    def test_stands_on_what_sending_writes(self) -> None:
        order, _ = lost.sent(60)
        provider = scene.upstream()

        assert send.due(provider=provider, limit=9, now=later(hours=1)) == []
        assert scene.again(order).sending_until == later(seconds=60) + brackets.lease(provider)
