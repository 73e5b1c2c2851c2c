from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import AuditEntry, User
from relaypanel.ledger import book
from relaypanel.ledger.models import Transfer
from relaypanel.notices.models import Kind, Notice
from relaypanel.payments import topup
from relaypanel.payments.models import Currency, PaymentMethod, State, TopUp
from relaypanel.payments.topup import Decider
from tests import cast
from tests.cast import NOW
from tests.payments import till


def carol() -> Decider:
    user = User.objects.filter(username="carol").first() or cast.carol().user
    return Decider(staff=Actor(user_id=user.pk, address="192.0.2.7"))


@pytest.mark.django_db
class TestRequest:
    def test_waits_for_money_under_a_reference(self) -> None:
        alice = cast.alice().user
        method = till.method(bonus_bp=250)

        wanted = till.requested(alice, "50.25", by=method)

        assert wanted.state == State.REQUESTED
        assert (wanted.amount_e8, wanted.bonus_e8) == (5_025_000_000, 125_625_000)
        assert (wanted.owed_e8, wanted.owed_currency) == (5_025_000_000, settings.CURRENCY)
        assert len(wanted.reference) == 10
        assert till.balance(alice) == "0"

    def test_says_what_to_send_in_the_methods_currency(self) -> None:
        dong = Currency.objects.create(code="VND", per_unit_e8=money.parse("25412.5"))

        wanted = till.requested(cast.alice().user, "10.01", by=till.method(currency=dong))

        assert (wanted.owed_e8, wanted.owed_currency) == (money.parse("254380"), "VND")

    @pytest.mark.parametrize("amount", ["0", "0.99", "1000.01", "90000000000"])
    def test_refuses_what_is_out_of_bounds(self, amount: str) -> None:
        till.method()

        with pytest.raises(topup.AmountOutOfBounds) as refused:
            till.requested(cast.alice().user, amount)

        assert refused.value.max_e8 == money.parse("1000")
        assert not TopUp.objects.exists()

    def test_refuses_a_fraction_of_a_coin(self) -> None:
        with pytest.raises(topup.AmountTooFine):
            till.requested(cast.alice().user, "1.001")

    def test_refuses_a_method_that_is_off_or_absent(self) -> None:
        off = till.method(is_on=False)
        alice = cast.alice().user

        for method_id in (off.pk, off.pk + 1):
            with pytest.raises(topup.MethodNotFound):
                topup.request(
                    user_id=alice.pk, method_id=method_id, amount_e8=money.ONE_E8, now=NOW
                )

    def test_refuses_more_than_a_few_at_once(self) -> None:
        alice = cast.alice().user
        for _ in range(topup.OPEN_MAX):
            till.requested(alice)

        with pytest.raises(topup.TooManyOpen):
            till.requested(alice)


@pytest.mark.django_db
class TestSayPaidAndCancel:
    def test_go_from_requested_alone(self) -> None:
        alice = cast.alice().user
        paid, canceled = till.requested(alice), till.requested(alice)

        topup.say_paid(user_id=alice.pk, topup_id=paid.pk, now=NOW)
        topup.cancel(user_id=alice.pk, topup_id=canceled.pk, now=NOW)

        for act in (topup.say_paid, topup.cancel):
            for one in (paid, canceled):
                with pytest.raises(topup.AlreadyDecided):
                    act(user_id=alice.pk, topup_id=one.pk, now=NOW)
        assert list(TopUp.objects.order_by("pk").values_list("state", flat=True)) == [
            State.PAID,
            State.CANCELED,
        ]

    def test_answer_alike_for_a_foreign_and_an_absent_one(self) -> None:
        foreign = till.requested(cast.bob().user)
        alice = cast.alice().user

        for act in (topup.say_paid, topup.cancel):
            for topup_id in (foreign.pk, foreign.pk + 1):
                with pytest.raises(topup.TopUpNotFound):
                    act(user_id=alice.pk, topup_id=topup_id, now=NOW)


@pytest.mark.django_db
class TestConfirm:
    def test_puts_amount_and_bonus_on_the_balance(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice, "50", by=till.method(bonus_bp=500))
        by = carol()

        done = topup.confirm(topup_id=wanted.pk, by=by, now=NOW)

        assert (done.state, done.by_gateway) == (State.CONFIRMED, False)
        assert by.staff is not None
        assert done.decided_by_id == by.staff.user_id
        assert till.balance(alice) == "52.5"
        moved = Transfer.objects.order_by("pk").values_list("key", "code", "amount_e8")
        assert list(moved) == [
            (f"topup:{wanted.pk}", "deposit", 5_000_000_000),
            (f"topup:{wanted.pk}:bonus", "bonus", 250_000_000),
        ]
        assert Notice.objects.get().kind == Kind.TOPUP_CONFIRMED
        assert till.books_agree()

    def test_pays_once(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)
        by = carol()
        topup.confirm(topup_id=wanted.pk, by=by, now=NOW)

        with pytest.raises(topup.AlreadyDecided):
            topup.confirm(topup_id=wanted.pk, by=by, now=NOW)

        assert till.balance(alice) == "50"

    @pytest.mark.parametrize("state", [State.PAID, State.CANCELED, State.EXPIRED])
    def test_takes_money_that_came_late(self, state: State) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)
        ended = None if state is State.PAID else NOW
        TopUp.objects.filter(pk=wanted.pk).update(state=state, ended_at=ended)

        topup.confirm(topup_id=wanted.pk, by=carol(), now=NOW)

        assert till.balance(alice) == "50"

    def test_writes_nothing_when_the_account_has_no_room(self) -> None:
        alice = cast.alice(balance="89999999999").user
        wanted = till.requested(alice, "50")

        with pytest.raises(book.BalanceTooLarge):
            topup.confirm(topup_id=wanted.pk, by=carol(), now=NOW)

        wanted.refresh_from_db()
        assert wanted.state == State.REQUESTED
        assert not Notice.objects.exists()

    def test_refuses_an_absent_one(self) -> None:
        with pytest.raises(topup.TopUpNotFound):
            topup.confirm(topup_id=1, by=topup.GATEWAY, now=NOW)


@pytest.mark.django_db
class TestReject:
    def test_ends_it_with_words_for_the_customer(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)

        topup.reject(topup_id=wanted.pk, by=carol(), reason="No transfer came in.", now=NOW)

        wanted.refresh_from_db()
        assert (wanted.state, wanted.reason) == (State.REJECTED, "No transfer came in.")
        assert till.balance(alice) == "0"
        assert Notice.objects.get().data["reason"] == "No transfer came in."
        with pytest.raises(topup.AlreadyDecided):
            topup.confirm(topup_id=wanted.pk, by=carol(), now=NOW)

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
    def test_needs_words_that_fit(self, reason: str) -> None:
        wanted = till.requested(cast.alice().user)

        with pytest.raises(topup.ReasonNeeded):
            topup.reject(topup_id=wanted.pk, by=carol(), reason=reason, now=NOW)

        wanted.refresh_from_db()
        assert wanted.state == State.REQUESTED
        assert not AuditEntry.objects.exists()


@pytest.mark.django_db
class TestAuditLog:
    def test_says_who_of_the_staff_decided_and_from_where(self) -> None:
        alice = cast.alice().user
        first, second = till.requested(alice, "50"), till.requested(alice)
        topup.say_paid(user_id=alice.pk, topup_id=first.pk, now=NOW)

        topup.confirm(topup_id=first.pk, by=carol(), now=NOW)
        topup.reject(topup_id=second.pk, by=carol(), reason="Nothing came.", now=NOW)

        confirmed, rejected = AuditEntry.objects.order_by("pk")
        assert (confirmed.act, confirmed.subject_id) == ("topup.confirm", str(first.pk))
        assert confirmed.address == "192.0.2.7"
        assert confirmed.before == {"state": "paid"}
        assert confirmed.after == {
            "state": "confirmed",
            "reference": first.reference,
            "amount": "50",
            "bonus": "0",
            "customer": alice.pk,
        }
        assert (rejected.act, rejected.after["reason"]) == ("topup.reject", "Nothing came.")

    def test_says_nothing_of_a_gateway(self) -> None:
        topup.confirm(topup_id=till.requested(cast.alice().user).pk, by=topup.GATEWAY, now=NOW)

        assert not AuditEntry.objects.exists()


@pytest.mark.django_db
class TestExpireDue:
    def test_ends_those_that_nobody_spoke_of(self) -> None:
        alice = cast.alice().user
        old, paid = till.requested(alice), till.requested(alice)
        topup.say_paid(user_id=alice.pk, topup_id=paid.pk, now=NOW)

        assert topup.expire_due(now=NOW + topup.EXPIRES_AFTER - timedelta(seconds=1)) == 0
        assert topup.expire_due(now=NOW + topup.EXPIRES_AFTER) == 1

        old.refresh_from_db()
        assert old.state == State.EXPIRED


@pytest.mark.django_db
class TestMoney:
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(("ask", "paid", "cancel", "confirm", "reject", "expire")),
                st.integers(0, 4),
                st.integers(100, 100_000),
            ),
            max_size=12,
        ),
        bonus_bp=st.integers(0, 10_000),
    )
    def test_comes_in_once_for_each_that_was_confirmed(
        self, steps: list[tuple[str, int, int]], bonus_bp: int
    ) -> None:
        alice = User.objects.filter(username="alice").first() or cast.alice().user
        before_e8 = book.balance(alice.pk)
        by, method = carol(), till.method(bonus_bp=bonus_bp)
        TopUp.objects.filter(user=alice).update(state=State.REJECTED, ended_at=NOW)
        mine: list[TopUp] = []
        for name, which, cents in steps:
            _step(name, alice, by, method, mine, which, cents)

        confirmed = TopUp.objects.filter(
            pk__in=[one.pk for one in mine], state=State.CONFIRMED
        ).values_list("amount_e8", "bonus_e8")
        assert book.balance(alice.pk) - before_e8 == sum(map(sum, confirmed))


def _step(
    name: str,
    alice: User,
    by: Decider,
    method: PaymentMethod,
    mine: list[TopUp],
    which: int,
    cents: int,
) -> None:
    acts: dict[str, Any] = {
        "paid": lambda pk: topup.say_paid(user_id=alice.pk, topup_id=pk, now=NOW),
        "cancel": lambda pk: topup.cancel(user_id=alice.pk, topup_id=pk, now=NOW),
        "confirm": lambda pk: topup.confirm(topup_id=pk, by=by, now=NOW),
        "reject": lambda pk: topup.reject(topup_id=pk, by=by, reason="Nothing came.", now=NOW),
        "expire": lambda _: topup.expire_due(now=NOW + topup.EXPIRES_AFTER),
    }
    try:
        if name == "ask":
            mine.append(till.requested(alice, money.text(cents * 10**6), by=method))
        elif mine:
            acts[name](mine[which % len(mine)].pk)
    except (topup.AlreadyDecided, topup.TooManyOpen):
        pass


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_two_members_of_staff_at_once_pay_once(self) -> None:
        alice = cast.alice().user
        wanted = till.requested(alice)
        by = carol()
        barrier = Barrier(8)

        def click(_: int) -> bool:
            barrier.wait()
            try:
                topup.confirm(topup_id=wanted.pk, by=by, now=NOW)
            except topup.AlreadyDecided:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(click, range(8))) == 1

        assert till.balance(alice) == "50"
        assert till.books_agree()
