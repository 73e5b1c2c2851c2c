from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.contract import OrderType
from relaypanel.orders import brackets, reconcile, send, staff, unconfirmed
from relaypanel.orders.matching import Absent, Found
from relaypanel.orders.models import CancelRequest, CancelState, Order, OrderEvent, Status
from relaypanel.providers.answers import Accepted, Fault, Rejected
from relaypanel.providers.models import UpstreamService
from tests.orders import lost, scene
from tests.orders.lost import SETTLED, UNCLEAR, says
from tests.orders.scene import later

pytestmark = pytest.mark.django_db


def last_event(order: Order) -> tuple[str, str]:
    event = OrderEvent.objects.filter(order=order).latest("pk")
    return event.reason, event.detail


def why(order: Order) -> str:
    """Return why an order was left to staff."""
    assert scene.again(order).status == Status.UNCONFIRMED
    reason, detail = last_event(order)
    assert reason == "left_unconfirmed"
    return detail


def asked(**columns: Any) -> list[str]:
    """Return the IDs that the next look asks about."""
    case = reconcile.open_case(provider=lost.provider(**columns), now=later(seconds=400))
    return list(case.upstream_ids) if case else []


class TestTakenOrder:
    def test_is_attached(self) -> None:
        order = lost.between()

        assert lost.look({"13": says()}) == {order.pk: Found(upstream_id=13)}

        stored = scene.again(order)
        assert (stored.status, stored.upstream_id) == (Status.PENDING, "13")
        assert stored.sending_until is None
        assert last_event(order) == (
            "attached",
            "the only one that fits is 13, and it fits no other order",
        )

    def test_is_attached_before_a_later_order_closes_its_bracket(self) -> None:
        lost.accepted(0, "10")
        order = lost.lost()

        lost.look({"13": says()})

        assert scene.again(order).upstream_id == "13"

    def test_is_told_from_another_by_its_charge(self) -> None:
        lost.accepted(0, "10")
        small, large = lost.lost(50), lost.lost(51, quantity=3000)
        lost.accepted(300, "20")

        lost.look({"13": says("1.5"), "14": says("0.5")})

        assert (scene.again(small).upstream_id, scene.again(large).upstream_id) == ("14", "13")

    def test_goes_on_as_any_order(self) -> None:
        order = lost.between()
        lost.look({"13": says()})

        assert scene.balance() == "997"
        assert scene.again(order).may_be_upstream is False
        assert scene.books_agree()


class TestTakenOrderThatLooksLikeAnother:
    def test_is_left_to_staff(self) -> None:
        lost.accepted(0, "10")
        first, second = lost.lost(50), lost.lost(51)
        lost.accepted(300, "20")

        lost.look({"13": says()})

        assert why(first) == f"13 may as well be our order {second.pk}"
        assert why(second) == f"13 may as well be our order {first.pk}"

    @pytest.mark.parametrize("answer", [None, UNCLEAR])
    def test_is_left_where_the_other_is_still_on_its_way(self, answer: Any) -> None:
        lost.accepted(0, "10")
        order = lost.lost(60)
        other, parcel = lost.sent(150)
        if answer:
            lost.answered(parcel, answer, 160)
        lost.accepted(200, "20")

        lost.look({"13": says()}, now=later(seconds=260))

        assert why(order) == f"13 may as well be our order {other.pk}"

    def test_is_attached_where_the_other_was_sent_later(self) -> None:
        lost.accepted(0, "10")
        order = lost.lost(60)
        lost.accepted(185, "20")
        lost.sent(390)

        lost.look({"13": says()})

        assert scene.again(order).upstream_id == "13"

    @pytest.mark.parametrize("decision", ["refund", "requeue", "cancel"])
    def test_is_left_where_staff_gave_the_other_up_without_proof(self, decision: str) -> None:
        lost.accepted(0, "10")
        order, other = lost.lost(60), lost.lost(61)
        _decide(other, decision)
        lost.accepted(300, "20")

        lost.look({"13": says()})

        assert why(order) == f"13 may as well be our order {other.pk}"

    def test_is_attached_where_staff_gave_up_one_of_another_time(self) -> None:
        lost.accepted(0, "5")
        _decide(lost.lost(60), "refund", seconds=500)
        lost.accepted(600, "10")
        order = lost.lost(760)
        lost.accepted(1000, "20")

        lost.look({"13": says()}, now=later(seconds=1100))

        assert scene.again(order).upstream_id == "13"

    def test_is_attached_where_the_other_was_answered_late(self) -> None:
        lost.accepted(0, "10")
        order = lost.lost(60)
        _, parcel = lost.sent(61)
        lost.answered(parcel, UNCLEAR, 90)
        lost.answered(parcel, Rejected(fault=Fault.NEVER, words="Bad link"), 100)
        lost.accepted(300, "20")

        lost.look({"13": says()})

        assert scene.again(order).upstream_id == "13"


class TestAbsentOrder:
    def test_is_sent_again(self) -> None:
        order = lost.between()
        token = order.token

        assert lost.look() == {order.pk: Absent()}

        stored = scene.again(order)
        assert (stored.status, stored.upstream_id) == (Status.QUEUED, None)
        assert (stored.token, stored.sending_until) == (token + 1, None)
        assert stored.due_at == later(seconds=400)
        assert last_event(order) == ("proved_absent", "none of the IDs it could have is ours")
        assert not stored.may_be_upstream
        lost.intend(stored, 401)

    def test_takes_no_answer_to_its_first_sending_any_more(self) -> None:
        lost.accepted(0, "10")
        order, parcel = lost.sent(60)
        lost.answered(parcel, UNCLEAR, 90)
        lost.accepted(300, "20")
        lost.look()

        lost.answered(parcel, Accepted(upstream_id="13"), 401)

        assert scene.again(order).status == Status.QUEUED

    def test_ends_when_its_customer_no_longer_wants_it(self) -> None:
        order = lost.between()
        scene.asked(order)

        lost.look()

        assert scene.again(order).status == Status.CANCELED
        assert CancelRequest.objects.get(order=order).state == CancelState.DONE
        assert scene.balance() == "998"
        assert scene.books_agree()

    def test_may_have_a_bracket_without_an_unknown_id(self) -> None:
        order = lost.between("10", "11")

        assert asked() == ["10", "11"]
        assert lost.look() == {order.pk: Absent()}

    def test_is_not_proved_before_a_later_order_closes_its_bracket(self) -> None:
        lost.accepted(0, "10")
        order = lost.lost()
        # Begun while the lost one may still have arrived.
        lost.accepted(180, "20")

        lost.look()

        assert why(order) == "no later order closes its bracket of IDs yet"


class TestLook:
    def test_asks_about_the_unknown_ids_and_about_its_witnesses(self) -> None:
        lost.accepted(0, "10")
        lost.accepted(1, "13")
        lost.lost()
        lost.accepted(65, "16")
        lost.accepted(300, "18")

        assert asked() == ["13", "14", "15", "17", "18"]

    def test_asks_a_little_above_the_newest_where_no_order_closes_the_bracket(self) -> None:
        lost.accepted(0, "10")
        lost.lost()
        lost.accepted(65, "12")

        assert asked() == ["10", "11", *map(str, range(13, 13 + brackets.OPEN_IDS))]

    def test_comes_when_nothing_can_arrive_any_more(self) -> None:
        order = lost.between()
        provider = lost.provider()

        assert reconcile.open_case(provider=provider, now=later(seconds=180)) is None
        assert reconcile.open_case(provider=provider, now=SETTLED) is not None
        assert scene.again(order).status == Status.UNCONFIRMED

    def test_comes_again_later_and_says_the_same_once(self) -> None:
        order = lost.between()
        answers = {"13": says("55")}

        lost.look(answers)
        soon = lost.look(answers, now=later(seconds=400 + 84))
        again = lost.look(answers, now=later(seconds=400 + 85))
        days = lost.look(answers, now=later(days=3))

        assert (len(soon), len(again), len(days)) == (0, 1, 1)
        assert why(order) == "13 fit no order of ours"
        assert scene.reasons(order).count("left_unconfirmed") == 1
        assert scene.again(order).due_at == later(days=3) + reconcile.LOOK_AGAIN_MAX

    def test_rests_at_least_half_a_minute(self) -> None:
        lost.provider(deadline_ms=1000)
        lost.accepted(0, "10")
        order = lost.lost(60)

        lost.look(now=later(seconds=70))

        assert scene.again(order).due_at == later(seconds=100)

    def test_is_not_at_a_provider_that_was_not_declared(self) -> None:
        lost.between()

        assert asked(brackets_ids=False) == []
        assert asked(speaks_client_ref=True) == []

    def test_costs_one_question_while_nothing_is_unconfirmed(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        lost.accepted(0, "10")
        provider = lost.provider()

        with django_assert_num_queries(1):
            assert reconcile.open_case(provider=provider, now=later(hours=1)) is None

    def test_takes_the_account_before_the_order(self) -> None:
        lost.between()

        with scene.touched() as touched:
            lost.look({"13": says()})

        assert touched[:2] == ["account", "order"]

    def test_takes_no_more_than_one_look_can_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reconcile, "IDS_MAX", 12)
        lost.accepted(0, "10")
        first = lost.lost(60)
        lost.accepted(200, "20")
        second = lost.lost(300)
        lost.accepted(500, "30")

        found = lost.look(now=later(seconds=600))
        more = lost.look(now=later(seconds=600))

        assert (list(found), list(more)) == ([first.pk], [second.pk])

    def test_takes_fewer_ids_where_a_call_takes_few(self) -> None:
        lost.between("10", "32")

        assert asked(status_batch=2)
        assert asked(status_batch=1) == []


class TestBracket:
    def test_that_nothing_opens_is_left_to_staff(self) -> None:
        order = lost.lost()

        assert lost.look() == {}

        assert why(order) == "no earlier order of ours opens its bracket of IDs"

    @pytest.mark.parametrize("upper", ["10", "7"])
    def test_that_does_not_grow_is_left_to_staff(self, upper: str) -> None:
        lost.accepted(0, "11")
        order = lost.between("9", upper)

        lost.look()

        assert why(order) == "the provider's IDs do not grow, so they prove nothing"

    def test_that_is_too_wide_is_left_to_staff(self) -> None:
        order = lost.between("10", "20012")

        lost.look()

        assert why(order) == "its bracket holds 20001 IDs, too many to look at"

    def test_with_too_many_unknown_ids_is_left_to_staff(self) -> None:
        order = lost.between("10", "2010")

        lost.look()

        assert why(order) == "its bracket holds 1999 unknown IDs, too many to ask"

    def test_of_the_widest_kind_is_asked_about(self) -> None:
        lost.between("10", "2009")

        assert len(asked()) == reconcile.IDS_MAX

    def test_of_an_order_whose_price_cannot_be_foreseen_proves_nothing(self) -> None:
        order = lost.between()
        UpstreamService.objects.update(type=OrderType.SUBSCRIPTIONS)

        lost.look({"13": says()})

        assert why(order) == "it may be 13, whose charge does not tell"


class TestRace:
    def test_is_won_by_an_answer_that_comes_while_we_ask(self) -> None:
        lost.accepted(0, "10")
        order, parcel = lost.sent(60)
        lost.answered(parcel, UNCLEAR, 90)
        lost.accepted(300, "20")
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case

        lost.answered(parcel, Accepted(upstream_id="14"), 401)
        found = reconcile.close_case(
            case=case, told=lost.told(case, {"13": says()}), now=later(seconds=402)
        )

        assert found == {}
        assert scene.again(order).upstream_id == "14"

    def test_is_won_by_a_decision_of_staff(self) -> None:
        order = lost.between()
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case

        _decide(order, "requeue", seconds=401)
        lost.intend(order, 402)
        found = reconcile.close_case(
            case=case, told=lost.told(case, {"13": says()}), now=later(seconds=403)
        )

        assert found == {}
        assert scene.again(order).status == Status.SENDING

    def test_of_two_looks_leaves_the_others_orders_alone(self) -> None:
        lost.provider(key_is_exclusive=True, balance_e8=10**10, balance_at=later(seconds=-120))
        lost.accepted(0, "10")
        taken, absent = lost.lost(60), lost.lost(61, quantity=3000)
        lost.accepted(300, "20")
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case
        answers = lost.told(case, {"13": says()}, balance="98.5")
        attempt = case.attempts[0]
        assert reconcile.held(taken)

        reconcile.attach(attempt.order, "13", now=later(seconds=401), reason="attached", detail="")
        found = reconcile.close_case(case=case, told=answers, now=later(seconds=402))

        # What the other look attached explains the balance.
        assert found == {absent.pk: Absent()}

    def test_leaves_the_order_when_another_got_its_id(self) -> None:
        order = lost.between()
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case
        answers = lost.told(case, {"13": says()})

        with scene.meanwhile(lambda: lost.accepted(410, "13"), before='UPDATE "orders_order"'):
            found = reconcile.close_case(case=case, told=answers, now=later(seconds=420))

        assert found == {order.pk: Found(upstream_id=13)}
        assert why(order) == "13 has become another order of ours"

    @pytest.mark.django_db(transaction=True)
    def test_attaches_once_when_two_look_at_once(self) -> None:
        order = lost.between()
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case
        answers = lost.told(case, {"13": says()})

        found = scene.at_once(
            2,
            lambda _: reconcile.close_case(case=case, told=answers, now=later(seconds=401)),
        )

        assert sorted(map(len, found)) == [0, 1]
        assert scene.reasons(order).count("attached") == 1


class TestAskAgain:
    def test_puts_the_order_back_into_the_queue(self) -> None:
        provider = lost.provider(speaks_client_ref=True)
        order = lost.lost()
        ref = send.due(provider=provider, limit=1, now=later(hours=1))

        assert reconcile.ask_again(provider=provider, now=SETTLED) == 1

        stored = scene.again(order)
        assert ref == []
        assert (stored.status, stored.due_at) == (Status.QUEUED, SETTLED)
        assert last_event(order) == ("asked_again", "")

    def test_gets_the_same_order_upstream(self) -> None:
        provider = lost.provider(speaks_client_ref=True)
        order, parcel = lost.sent(60)
        lost.answered(parcel, UNCLEAR, 90)
        reconcile.ask_again(provider=provider, now=SETTLED)

        again = lost.intend(order, 200)
        lost.answered(again, Accepted(upstream_id="13"), 201)

        assert again.client_ref == parcel.client_ref
        assert scene.again(order).upstream_id == "13"

    def test_is_not_before_its_sending_is_settled(self) -> None:
        provider = lost.provider(speaks_client_ref=True)
        lost.lost()

        assert reconcile.ask_again(provider=provider, now=later(seconds=180)) == 0

    @pytest.mark.parametrize(
        "columns",
        [{"speaks_client_ref": False}, {"speaks_client_ref": True, "enabled": False}],
    )
    def test_is_not_for_a_provider_that_cannot_answer(self, columns: dict[str, Any]) -> None:
        order = lost.lost()

        assert reconcile.ask_again(provider=lost.provider(**columns), now=SETTLED) == 0
        assert scene.again(order).status == Status.UNCONFIRMED

    def test_keeps_the_order_from_being_ended_while_it_waits(self) -> None:
        provider = lost.provider(speaks_client_ref=True)
        order = lost.lost()
        scene.asked(order)
        reconcile.ask_again(provider=provider, now=SETTLED)

        parcel = lost.intend(order, 200)
        lost.answered(parcel, Rejected(fault=Fault.RATE_LIMIT, words="Slow down"), 201)

        assert scene.again(order).status == Status.QUEUED
        assert scene.balance() == "999"

    def test_loses_to_whoever_moved_the_order_first(self) -> None:
        provider = lost.provider(speaks_client_ref=True)
        order, parcel = lost.sent(60)
        lost.answered(parcel, UNCLEAR, 90)

        def late() -> None:
            lost.answered(parcel, Accepted(upstream_id="13"), 182)

        with scene.meanwhile(late, before="ledger_account"):
            assert reconcile.ask_again(provider=provider, now=SETTLED) == 0

        assert scene.again(order).upstream_id == "13"


class TestBooks:
    def test_agree_whatever_is_found(self) -> None:
        lost.accepted(0, "10")
        orders = [lost.lost(50 + at, quantity=quantity) for at, quantity in enumerate((100, 200))]
        lost.accepted(300, "20")

        found = lost.look({"13": says("0.05")})

        assert [type(found[order.pk]) for order in orders] == [Found, Absent]
        assert scene.books_agree()


def _decide(order: Order, decision: str, *, seconds: float = 200) -> None:
    now = later(seconds=seconds)
    if decision == "refund":
        unconfirmed.refund_order(order_id=order.pk, now=now)
    elif decision == "requeue":
        unconfirmed.requeue(order_id=order.pk, reason="They said no by mail.", now=now)
    else:
        staff.set_status(order_id=order.pk, to=Status.CANCELED, now=now)
