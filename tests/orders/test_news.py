from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from relaypanel.notices.models import Channel, Choice, Kind, Notice
from relaypanel.orders import news, refund, states
from relaypanel.orders.models import OrderEvent, Refill, RefillState, Status
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db

SOON = NOW + news.SETTLED_AFTER


def kinds() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("kind", flat=True))


def ended(to: Status, *, remains: int | None = None) -> int:
    order = scene.order(Status.IN_PROGRESS)
    refund.end(order, to=to, now=NOW, reason="t", remains=remains)
    return order.pk


def wants_completed() -> None:
    Choice.objects.create(
        user=scene.alice(), kind=Kind.ORDER_COMPLETED, channel=Channel.PAGE, is_wanted=True
    )


class TestFollow:
    def test_tells_what_became_of_orders(self) -> None:
        wants_completed()
        partial = ended(Status.PARTIAL, remains=300)
        ended(Status.CANCELED)
        states.move(
            scene.order(Status.IN_PROGRESS), to=Status.COMPLETED, now=NOW, reason="t", remains=0
        )

        cursor, is_whole = news.follow(cursor=-1, now=SOON)

        assert is_whole
        assert cursor == OrderEvent.objects.order_by("-pk")[0].pk
        assert sorted(kinds()) == ["order_canceled", "order_completed", "order_partial"]
        data = Notice.objects.get(kind=Kind.ORDER_PARTIAL).data
        assert (data["order"], data["remains"], data["refunded_e8"]) == (partial, 300, 30_000_000)

    def test_tells_it_once(self) -> None:
        ended(Status.CANCELED)
        news.follow(cursor=-1, now=SOON)

        news.follow(cursor=-1, now=SOON)

        assert kinds() == ["order_canceled"]

    def test_waits_until_those_before_are_there_too(self) -> None:
        ended(Status.CANCELED)

        assert news.follow(cursor=-1, now=SOON - timedelta(seconds=1)) == (-1, True)
        assert kinds() == []

    def test_begins_with_what_comes_after_its_first_look(self) -> None:
        assert news.follow(cursor=0, now=NOW) == (-1, True)
        ended(Status.CANCELED)

        cursor, _ = news.follow(cursor=0, now=SOON)

        assert kinds() == []
        ended(Status.CANCELED)
        news.follow(cursor=cursor, now=SOON)
        assert kinds() == ["order_canceled"]

    def test_reads_a_batch_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(news, "BATCH", 2)
        for _ in range(3):
            ended(Status.CANCELED)

        cursor, rounds, is_whole = -1, 0, False
        while not is_whole:
            cursor, is_whole = news.follow(cursor=cursor, now=SOON)
            rounds += 1

        assert len(kinds()) == 3
        assert rounds > 2

    def test_tells_of_a_drip_feed_and_not_of_its_runs(self) -> None:
        parent = scene.drip_feed(runs=2)
        runs = scene.make_runs(parent, 2)
        refund.end(scene.standing(runs[0], Status.PENDING), to=Status.CANCELED, now=NOW, reason="t")

        news.follow(cursor=-1, now=SOON)

        assert kinds() == []

    @pytest.mark.parametrize(
        ("state", "reason", "kind"),
        [
            (RefillState.COMPLETED, "refill_completed", "refill_completed"),
            (RefillState.REJECTED, "refill_rejected", "refill_rejected"),
            (RefillState.REJECTED, "refill_given_up", "refill_rejected"),
        ],
    )
    def test_tells_what_became_of_refills(self, state: RefillState, reason: str, kind: str) -> None:
        order = scene.order(Status.COMPLETED)
        Refill.objects.create(
            order=order, user=order.user, asked_at=NOW, due_at=NOW, state=state, ended_at=NOW
        )
        states.record([order], now=NOW, reason=reason)

        news.follow(cursor=-1, now=SOON)

        assert kinds() == [kind]

    def test_costs_the_same_for_any_number(self) -> None:
        counts = []
        for number in (2, 8):
            cursor = OrderEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or -1
            for _ in range(number):
                ended(Status.CANCELED)
            with CaptureQueriesContext(connection) as queries:
                news.follow(cursor=cursor, now=SOON)
            counts.append(len(queries))

        assert counts[0] == counts[1]
