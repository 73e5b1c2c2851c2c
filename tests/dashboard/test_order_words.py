from __future__ import annotations

from datetime import timedelta

from relaypanel.dashboard import order_words
from relaypanel.orders.models import CancelRequest, OrderEvent, Refill, Status
from tests.orders.scene import NOW


def event(reason: str, to: str = "", *, minutes: int = 0, detail: str = "") -> OrderEvent:
    at = NOW + timedelta(minutes=minutes)
    return OrderEvent(at=at, to_status=to, reason=reason, detail=detail)


def told(*events: OrderEvent) -> list[str]:
    moments = order_words.timeline(events=events, cancel=None, refills=[])
    return [str(moment.words) for moment in moments]


class TestTimeline:
    def test_tells_the_latest_first(self) -> None:
        placed = event("placed", Status.QUEUED)
        done = event("upstream", Status.COMPLETED, minutes=9)

        assert told(placed, done) == ["Completed", "Placed and paid"]

    def test_keeps_the_panels_own_affairs_to_itself(self) -> None:
        assert (
            told(
                event("sending", Status.SENDING, detail="Provider X: no funds"),
                event("unclear", Status.UNCONFIRMED),
                event("no_route_left", Status.HELD),
                event("next_route", Status.QUEUED),
                event("number_went_back"),
            )
            == []
        )

    def test_tells_what_was_asked_in_between(self) -> None:
        moments = order_words.timeline(
            events=[event("placed", Status.QUEUED)],
            cancel=CancelRequest(asked_at=NOW + timedelta(minutes=1)),
            refills=[Refill(asked_at=NOW + timedelta(minutes=2))],
        )

        assert [str(moment.words) for moment in moments] == [
            "Refill asked for",
            "You asked to cancel it",
            "Placed and paid",
        ]
