from __future__ import annotations

from collections.abc import Callable

import pytest

from relaypanel import errors
from relaypanel.orders import states, unconfirmed
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.orders.staff import NoSuchOrder
from relaypanel.orders.unconfirmed import (
    AlreadyOurs,
    NotProved,
    NotUnconfirmed,
    ReasonNeeded,
    TooEarly,
    UnknownUpstream,
)
from relaypanel.providers.answers import Accepted, Fault, Rejected, UpstreamStatus
from relaypanel.providers.inquiry import Told
from tests.orders import lost, scene
from tests.orders.lost import UNCLEAR, inquiry, says
from tests.orders.scene import later

pytestmark = pytest.mark.django_db

HOUR = later(hours=1)
MAIL = "They said no by mail."


def last_event(order: Order) -> tuple[str, str]:
    event = OrderEvent.objects.filter(order=order).latest("pk")
    return event.reason, event.detail


def attach(order_id: int, upstream_id: str = "13", *, knows: bool = True) -> Order:
    answers = {"13": says()} if knows else {}
    return unconfirmed.attach(
        order_id=order_id, upstream_id=upstream_id, now=HOUR, inquire=inquiry(answers)
    )


def requeue(order_id: int) -> Order:
    return unconfirmed.requeue(order_id=order_id, reason=MAIL, now=HOUR)


def refund(order_id: int) -> Order:
    return unconfirmed.refund_order(order_id=order_id, now=HOUR)


DECISIONS: list[Callable[[int], Order]] = [attach, requeue, refund]


class TestWaiting:
    def test_lists_what_is_open_and_why(self) -> None:
        lost.accepted(0, "10")
        older, newer = lost.lost(60), lost.lost(200)
        lost.look(now=later(seconds=190))

        first, second = unconfirmed.waiting()

        assert (first.order, first.provider) == (older, "upstream")
        assert (first.sent_at, first.settled_at) == (later(seconds=60), later(seconds=180))
        assert first.why == "no later order closes its bracket of IDs yet"
        assert (second.order, second.why) == (newer, "time-out after the body")

    def test_shows_as_many_as_asked_for(self) -> None:
        oldest, _ = lost.lost(60), lost.lost(61)

        assert [it.order for it in unconfirmed.waiting(limit=1)] == [oldest]

    def test_shows_the_reason_where_no_words_were_said(self) -> None:
        order = lost.lost(60)
        states.record([order], now=HOUR, reason="sender_lost")

        assert [it.why for it in unconfirmed.waiting()] == ["sender_lost"]


class TestAttach:
    def test_takes_an_order_that_the_provider_knows(self) -> None:
        order = lost.lost()

        attached = attach(order.pk)

        assert (attached.status, attached.upstream_id) == (Status.PENDING, "13")
        assert scene.again(order).upstream_id == "13"
        assert last_event(order) == (
            "attached_by_staff",
            "13: In progress, charge 0.5, remains None",
        )

    def test_takes_one_whose_state_the_provider_tells_in_its_own_words(self) -> None:
        order = lost.lost()
        odd = unconfirmed._said(
            UpstreamStatus(word=None, start_count=None, remains=7, cost_e8=None)
        )

        assert odd == "an unknown word, charge unknown, remains 7"
        assert attach(order.pk).status == Status.PENDING

    @pytest.mark.parametrize("upstream_id", ["", "0", "-3", "13.0", " 13", "drop", "9" * 30])
    def test_takes_no_id_that_is_none(self, upstream_id: str) -> None:
        order = lost.lost()

        with pytest.raises(UnknownUpstream, match="is no ID of an order upstream"):
            attach(order.pk, upstream_id)

    def test_takes_no_order_that_the_provider_does_not_know(self) -> None:
        order = lost.lost()

        with pytest.raises(UnknownUpstream, match="upstream does not know an order 13"):
            attach(order.pk, knows=False)

        assert scene.again(order).status == Status.UNCONFIRMED

    def test_takes_no_order_of_which_nothing_was_said(self) -> None:
        order = lost.lost()

        with pytest.raises(UnknownUpstream):
            unconfirmed.attach(
                order_id=order.pk, upstream_id="13", now=HOUR, inquire=lambda *_, **__: Told()
            )

    def test_takes_no_order_that_is_ours_already(self) -> None:
        lost.accepted(0, "13")
        order = lost.lost()
        asks = inquiry({})

        with pytest.raises(AlreadyOurs, match="13 is another order of ours already"):
            unconfirmed.attach(order_id=order.pk, upstream_id="13", now=HOUR, inquire=asks)

        assert asks.asked == []

    def test_takes_no_order_that_has_become_ours_meanwhile(self) -> None:
        order = lost.lost()

        with (
            scene.meanwhile(lambda: lost.accepted(200, "13"), before='UPDATE "orders_order"'),
            pytest.raises(AlreadyOurs),
        ):
            attach(order.pk)

        assert scene.again(order).status == Status.UNCONFIRMED

    def test_says_so_when_the_provider_cannot_be_asked(self) -> None:
        order = lost.lost()

        def fail(*_: object, **__: object) -> Told:
            raise errors.ProviderError("connection refused")

        with pytest.raises(errors.ProviderError):
            unconfirmed.attach(order_id=order.pk, upstream_id="13", now=HOUR, inquire=fail)

    def test_loses_to_an_answer_that_comes_while_the_provider_is_asked(self) -> None:
        _, parcel = lost.sent(60)
        order = lost.answered(parcel, UNCLEAR, 90)

        def answer_late(*_: object, **__: object) -> Told:
            lost.answered(parcel, Accepted(upstream_id="14"), 200)
            return Told(statuses={"13": says()})

        with pytest.raises(NotUnconfirmed, match="has moved on meanwhile"):
            unconfirmed.attach(order_id=order.pk, upstream_id="13", now=HOUR, inquire=answer_late)

        assert scene.again(order).upstream_id == "14"


class TestRequeue:
    def test_sends_again_for_a_reason(self) -> None:
        order = lost.lost()

        again = requeue(order.pk)

        assert (again.status, again.due_at, again.token) == (Status.QUEUED, HOUR, order.token + 1)
        assert last_event(order) == ("requeued_by_staff", MAIL)

    def test_sends_again_on_proof(self) -> None:
        order = lost.between()
        asks = inquiry({})

        again = unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=asks)

        assert again.status == Status.QUEUED
        assert last_event(order)[0] == "proved_absent"
        assert asks.asked == [str(it) for it in range(10, 21)]

    def test_looks_although_the_next_look_is_not_due(self) -> None:
        order = lost.between()
        lost.look({"13": says("55")}, now=HOUR)

        again = unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=inquiry({}))

        assert again.status == Status.QUEUED

    def test_leaves_other_orders_alone(self) -> None:
        lost.accepted(0, "10")
        other, order = lost.lost(59), lost.lost(60)
        lost.accepted(300, "20")

        unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=inquiry({}))

        assert scene.again(other).status == Status.UNCONFIRMED

    def test_is_refused_without_proof(self) -> None:
        order = lost.between()

        with pytest.raises(NotProved, match="is not proved absent: 13 fit no order of ours"):
            unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=inquiry({"13": says("55")}))

        assert scene.again(order).status == Status.UNCONFIRMED

    def test_is_refused_where_no_bracket_can_be_drawn(self) -> None:
        order = lost.lost()

        with pytest.raises(NotProved, match="no earlier order of ours opens its bracket"):
            unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=inquiry({}))

    def test_is_refused_where_the_provider_offers_no_proof(self) -> None:
        order = lost.between()
        lost.provider(brackets_ids=False)

        with pytest.raises(NotProved, match="its provider offers no proof"):
            unconfirmed.requeue(order_id=order.pk, reason="  ", now=HOUR, inquire=inquiry({}))

    def test_is_refused_when_the_look_found_the_order(self) -> None:
        order = lost.between()

        with pytest.raises(NotUnconfirmed, match=f"order {order.pk} is pending now"):
            unconfirmed.requeue(order_id=order.pk, now=HOUR, inquire=inquiry({"13": says()}))

        assert scene.again(order).upstream_id == "13"

    def test_is_refused_for_a_reason_that_nobody_reads(self) -> None:
        order = lost.lost()

        with pytest.raises(ReasonNeeded, match="at most 400 characters"):
            unconfirmed.requeue(order_id=order.pk, reason="x" * 401, now=HOUR)


class TestRefund:
    def test_gives_everything_back_once(self) -> None:
        order = lost.lost()

        ended = refund(order.pk)

        assert (ended.status, ended.refunded_e8) == (Status.CANCELED, order.charge_e8)
        assert last_event(order)[0] == "refunded_by_staff"
        assert scene.balance() == "1000"
        with pytest.raises(NotUnconfirmed, match="is canceled, not unconfirmed"):
            refund(order.pk)
        assert scene.books_agree()

    @pytest.mark.django_db(transaction=True)
    def test_pays_once_when_two_ask_at_once(self) -> None:
        order = lost.lost()

        def pay(_: int) -> bool:
            try:
                refund(order.pk)
            except NotUnconfirmed:
                return False
            return True

        assert sum(scene.at_once(4, pay)) == 1
        assert scene.balance() == "1000"
        assert scene.books_agree()

    def test_stays_when_an_answer_comes_late(self) -> None:
        _, parcel = lost.sent(60)
        order = lost.answered(parcel, UNCLEAR, 90)
        refund(order.pk)

        lost.answered(parcel, Accepted(upstream_id="13"), 4000)

        assert scene.again(order).status == Status.CANCELED


class TestDecision:
    @pytest.mark.parametrize("decide", DECISIONS)
    def test_waits_until_nothing_can_arrive_any_more(self, decide: Callable[[int], Order]) -> None:
        order = lost.lost(3_500)

        with scene.written() as rows, pytest.raises(TooEarly) as refusal:
            decide(order.pk)

        assert rows == []
        assert refusal.value.until == later(seconds=3_620)
        assert str(refusal.value) == (
            f"order {order.pk} may still be on its way; look again after 13:00:20 UTC"
        )

    @pytest.mark.parametrize("decide", DECISIONS)
    @pytest.mark.parametrize("status", sorted(set(Status) - {Status.UNCONFIRMED}))
    def test_is_about_unconfirmed_orders(
        self, decide: Callable[[int], Order], status: Status
    ) -> None:
        order = scene.order(status)

        with scene.written() as rows, pytest.raises(NotUnconfirmed, match=f"is {status}"):
            decide(order.pk)

        assert rows == []

    @pytest.mark.parametrize("decide", DECISIONS)
    def test_is_about_orders_that_are_there(self, decide: Callable[[int], Order]) -> None:
        with pytest.raises(NoSuchOrder, match="there is no order 999999999"):
            decide(999_999_999)

    @pytest.mark.parametrize("decide", [requeue, refund])
    def test_loses_to_whoever_moved_the_order_first(self, decide: Callable[[int], Order]) -> None:
        _, parcel = lost.sent(60)
        order = lost.answered(parcel, UNCLEAR, 90)
        refusal = Rejected(fault=Fault.OTHER, words="Nope")

        with (
            scene.meanwhile(lambda: lost.answered(parcel, refusal, 91), before="ledger_account"),
            pytest.raises(NotUnconfirmed, match="has moved on meanwhile"),
        ):
            decide(order.pk)

    @pytest.mark.parametrize("decide", DECISIONS)
    def test_takes_the_account_before_the_order(self, decide: Callable[[int], Order]) -> None:
        order = lost.lost()

        with scene.touched() as touched:
            decide(order.pk)

        assert touched[:2] == ["account", "order"]
