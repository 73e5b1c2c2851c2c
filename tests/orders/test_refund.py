from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.ledger.models import Transfer
from relaypanel.orders import refund, schedules, states
from relaypanel.orders.models import CancelState, Order, Status
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db


def refunds(order: Order) -> list[str]:
    transfers = Transfer.objects.filter(key__startswith=f"order:{order.pk}:refund")
    return [money.text(transfer.amount_e8) for transfer in transfers]


def running(status: Status = Status.IN_PROGRESS) -> Order:
    """Return an order of 777 pieces at 0.27819 the thousand: 0.21615363."""
    return scene.standing(scene.placed(scene.relayed(rate="0.27819"), quantity="777"), status)


class TestEnd:
    def test_returns_the_undelivered_part(self) -> None:
        order = running()

        refund.end(order, to=Status.PARTIAL, now=later(hours=1), reason="upstream", remains=100)

        assert refunds(order) == ["0.027819"]
        assert scene.balance() == "999.81166537"
        stored = scene.again(order)
        assert (stored.status, stored.remains) == (Status.PARTIAL, 100)
        assert money.text(stored.refunded_e8) == "0.027819"
        assert stored.ended_at == later(hours=1)
        assert scene.reasons(order) == ["upstream"]
        assert scene.books_agree()

    def test_returns_everything_for_a_canceled_order(self) -> None:
        order = running()

        refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream", remains=1)

        assert refunds(order) == ["0.21615363"]
        assert scene.balance() == "1000"
        assert scene.books_agree()

    def test_returns_nothing_for_a_completed_order(self) -> None:
        order = running()

        refund.end(order, to=Status.COMPLETED, now=NOW, reason="upstream", remains=100)

        assert refunds(order) == []
        assert (scene.again(order).refunded_e8, scene.again(order).remains) == (0, 100)
        assert scene.books_agree()

    def test_takes_the_remains_it_knows_when_told_none(self) -> None:
        order = scene.standing(running(), Status.IN_PROGRESS, remains=777)

        refund.end(order, to=Status.PARTIAL, now=NOW, reason="upstream")

        assert refunds(order) == ["0.21615363"]

    def test_moves_no_money_for_an_order_that_cost_none(self) -> None:
        order = scene.standing(scene.placed(scene.relayed(rate="0")), Status.PENDING)

        refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream")

        assert (scene.again(order).status, refunds(order)) == (Status.CANCELED, [])

    def test_writes_what_else_is_known(self) -> None:
        order = running()

        refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream", start_count=5)

        assert scene.again(order).start_count == 5

    @pytest.mark.parametrize("to", [Status.PARTIAL, Status.CANCELED])
    def test_lets_a_panel_correct_itself_once(self, to: Status) -> None:
        order = running()
        refund.end(order, to=Status.COMPLETED, now=NOW, reason="upstream", remains=0)

        refund.end(order, to=to, now=NOW, reason="upstream", remains=777)
        with pytest.raises(AssertionError):
            refund.end(scene.again(order), to=to, now=NOW, reason="upstream", remains=777)

        assert refunds(order) == ["0.21615363"]
        assert scene.books_agree()

    @pytest.mark.parametrize("to", [Status.PARTIAL, Status.CANCELED])
    def test_pays_once_when_the_answer_repeats(self, to: Status) -> None:
        order = running()
        stale = copy.copy(order)
        refund.end(order, to=to, now=NOW, reason="upstream", remains=700)
        balance = scene.balance()

        with pytest.raises(states.LostRace):
            refund.end(stale, to=to, now=NOW, reason="upstream", remains=700)

        assert scene.balance() == balance
        assert len(refunds(order)) == 1
        assert scene.reasons(order) == ["upstream"]

    @pytest.mark.django_db(transaction=True)
    def test_pays_once_when_many_tell_it_at_once(self) -> None:
        order = running()

        def end(number: int) -> bool:
            to = (Status.PARTIAL, Status.CANCELED)[number % 2]
            try:
                refund.end(copy.copy(order), to=to, now=NOW, reason="upstream", remains=777)
            except states.LostRace:
                return False
            return True

        ended = scene.at_once(8, end)

        assert sum(ended) == 1
        assert refunds(order) == ["0.21615363"]
        assert scene.books_agree()

    def test_gives_nothing_back_when_the_key_was_used(self) -> None:
        order = running()
        refund.pay_back(order, 5, now=NOW)

        with pytest.raises(AssertionError):
            refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream")

        assert scene.again(order).status == Status.IN_PROGRESS
        assert refunds(order) == ["0.00000005"]

    @pytest.mark.parametrize("remains", [-1, 778])
    def test_takes_only_remains_that_can_be(self, remains: int) -> None:
        order = running()

        with pytest.raises(AssertionError):
            refund.end(order, to=Status.PARTIAL, now=NOW, reason="upstream", remains=remains)

        assert (scene.again(order).status, refunds(order)) == (Status.IN_PROGRESS, [])

    def test_takes_the_account_before_the_order(self) -> None:
        order = running()

        with scene.touched() as touched:
            refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream")

        assert touched[:2] == ["account", "order"]


class TestParent:
    def test_of_a_run_costs_less_by_what_the_run_gave_back(self) -> None:
        parent = scene.drip_feed(runs=3)
        schedules.run_due(now=NOW)
        run = scene.standing(Order.objects.get(parent=parent), Status.IN_PROGRESS)

        refund.end(run, to=Status.PARTIAL, now=NOW, reason="upstream", remains=250)

        assert refunds(run) == ["0.25"]
        assert money.text(scene.again(parent).refunded_e8) == "0.25"
        assert scene.balance() == "997.25"
        assert scene.books_agree()

    def test_of_a_post_had_not_paid_for_it(self) -> None:
        service = scene.relayed(type=OrderType.SUBSCRIPTIONS)
        fields = {"username": "miu", "min": "100", "max": "200", "delay": "0"}
        parent = scene.standing(scene.placed(service, **fields), Status.PENDING)
        [post] = scene.serve(parent, "501")

        refund.end(post, to=Status.CANCELED, now=NOW, reason="upstream")

        assert refunds(post) == ["1"]
        assert scene.again(parent).refunded_e8 == 0
        assert scene.balance() == "1000"
        assert scene.books_agree()


class TestCancelRequest:
    @pytest.mark.parametrize("state", [CancelState.ASKED, CancelState.FORWARDED])
    @pytest.mark.parametrize(
        ("to", "outcome"),
        [
            (Status.CANCELED, CancelState.DONE),
            (Status.PARTIAL, CancelState.DONE),
            (Status.COMPLETED, CancelState.REFUSED),
        ],
    )
    def test_closes_with_its_order(
        self, state: CancelState, to: Status, outcome: CancelState
    ) -> None:
        order = running()
        request = scene.asked(order, state=state)
        other = scene.asked(running(), state=state)

        refund.end(order, to=to, now=NOW, reason="upstream")

        request.refresh_from_db()
        other.refresh_from_db()
        assert (request.state, other.state) == (outcome, state)

    def test_stays_refused_when_the_order_ends_otherwise(self) -> None:
        order = running()
        request = scene.asked(order, state=CancelState.REFUSED)

        refund.end(order, to=Status.CANCELED, now=NOW, reason="upstream")

        request.refresh_from_db()
        assert request.state == CancelState.REFUSED


class TestUndeliveredCharge:
    @given(
        rate_steps=st.integers(0, 10**9),
        quantity=st.integers(1, 10**6),
        data=st.data(),
    )
    def test_and_what_was_kept_are_the_charge(
        self, rate_steps: int, quantity: int, data: st.DataObject
    ) -> None:
        remains = data.draw(st.integers(0, quantity))
        order = Order(
            quantity=quantity,
            remains=quantity,
            charge_e8=money.price(rate_e8=rate_steps * 1000, quantity=quantity, rate_per=1000),
        )

        back_e8 = refund.undelivered_charge(order, to=Status.PARTIAL, remains=remains)

        assert (order.charge_e8 - back_e8) * 1000 == rate_steps * 1000 * (quantity - remains)

    @given(charge_e8=st.integers(0, money.MAX_E8), pieces=st.integers(1, 10**6), data=st.data())
    def test_of_a_price_by_the_piece_leaves_less_than_a_digit(
        self, charge_e8: int, pieces: int, data: st.DataObject
    ) -> None:
        remains = data.draw(st.integers(0, pieces))
        order = Order(quantity=pieces, remains=pieces, charge_e8=charge_e8)

        back_e8 = refund.undelivered_charge(order, to=Status.PARTIAL, remains=remains)

        assert 0 <= back_e8 <= charge_e8
        assert 0 <= charge_e8 * remains - back_e8 * pieces < pieces

    @pytest.mark.parametrize(
        ("to", "back_e8"), [(Status.CANCELED, 70), (Status.PARTIAL, 40), (Status.COMPLETED, 0)]
    )
    def test_depends_on_the_end(self, to: Status, back_e8: int) -> None:
        order = Order(quantity=10, remains=4, charge_e8=100, refunded_e8=30)

        assert refund.undelivered_charge(order, to=to, remains=4) == back_e8


def test_a_strangers_balance_stays_as_it_was() -> None:
    bob = cast.bob(balance="5").user

    refund.end(running(), to=Status.CANCELED, now=NOW, reason="upstream")

    assert scene.balance(bob) == "5"
