from __future__ import annotations

import pytest

from relaypanel.contract import RefillWord
from relaypanel.orders import forward
from relaypanel.orders.models import (
    CancelRequest,
    CancelState,
    Order,
    OrderEvent,
    Refill,
    RefillState,
    Status,
)
from relaypanel.providers.answers import Fault, RefillStatus, RefillTaken, Rejected
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

LATER = [Fault.RATE_LIMIT, Fault.NO_FUNDS, Fault.BAD_KEY]
NO = [fault for fault in Fault if fault not in LATER]


def no(fault: Fault) -> Rejected:
    return Rejected(fault=fault, words="Nope")


def said(order: Order) -> list[tuple[str, str, str]]:
    events = OrderEvent.objects.filter(order=order).exclude(reason="placed").order_by("pk")
    return list(events.values_list("reason", "detail", "to_status"))


def running(upstream_id: str = "9001") -> Order:
    return scene.order(Status.IN_PROGRESS, upstream_id=upstream_id)


def refill(order: Order | None = None, **columns: object) -> Refill:
    order = order or scene.order(Status.COMPLETED, upstream_id="9001")
    return Refill.objects.create(
        order=order, user_id=order.user_id, **{"asked_at": NOW, "due_at": NOW, **columns}
    )


class TestCancelsDue:
    def test_are_of_orders_that_run_upstream(self) -> None:
        request = scene.asked(running())

        due = forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)

        assert due == [request]

    @pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS])
    def test_take_every_running_status(self, status: Status) -> None:
        scene.asked(scene.order(status))

        assert len(forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)) == 1

    @pytest.mark.parametrize(
        "status",
        [Status.QUEUED, Status.SENDING, Status.UNCONFIRMED, Status.HELD, Status.COMPLETED],
    )
    def test_leave_out_what_upstream_does_not_work_on(self, status: Status) -> None:
        scene.asked(scene.order(status))

        assert forward.cancels_due(provider_id=scene.upstream().pk, now=NOW) == []

    @pytest.mark.parametrize(
        "state", [CancelState.FORWARDED, CancelState.REFUSED, CancelState.DONE]
    )
    def test_leave_out_what_was_asked_already(self, state: CancelState) -> None:
        scene.asked(running(), state=state)

        assert forward.cancels_due(provider_id=scene.upstream().pk, now=NOW) == []

    def test_leave_out_what_rests_and_what_is_another_providers(self) -> None:
        scene.asked(running(), due_at=later(seconds=1))
        elsewhere = cast.provider(name="elsewhere")

        assert forward.cancels_due(provider_id=scene.upstream().pk, now=NOW) == []
        assert forward.cancels_due(provider_id=elsewhere.pk, now=later(hours=1)) == []

    def test_come_with_the_longest_waiting_first_and_at_most_a_hundred(self) -> None:
        orders = [running(f"u{number}") for number in range(102)]
        for number, order in enumerate(orders):
            scene.asked(order, due_at=later(seconds=-number))

        due = forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)

        assert [request.order_id for request in due] == [order.pk for order in reversed(orders[2:])]


class TestEndUnsent:
    def end_unsent(self) -> int:
        return forward.end_unsent(provider_id=scene.upstream().pk, now=later(hours=1))

    @pytest.mark.parametrize("status", [Status.QUEUED, Status.HELD])
    def test_ends_what_came_back_after_its_cancel_was_asked(self, status: Status) -> None:
        request = scene.asked(scene.order(status))

        assert self.end_unsent() == 1

        ended = scene.again(request.order)
        assert (ended.status, scene.balance()) == (Status.CANCELED, "1000")
        assert CancelRequest.objects.get().state == CancelState.DONE
        assert scene.reasons(request.order) == ["canceled_before_sending"]
        assert scene.books_agree()

    @pytest.mark.parametrize(
        "status", [Status.SENDING, Status.UNCONFIRMED, Status.PENDING, Status.IN_PROGRESS]
    )
    def test_waits_for_what_a_provider_may_have(self, status: Status) -> None:
        request = scene.asked(scene.order(status))

        assert self.end_unsent() == 0

        assert CancelRequest.objects.get() == request
        assert scene.again(request.order).status == status

    def test_leaves_what_may_be_upstream_and_what_was_not_asked(self) -> None:
        scene.asked(scene.order(may_be_upstream=True))
        scene.order()
        scene.asked(scene.placed(cast.service(cancel=True)))

        assert self.end_unsent() == 0

    def test_leaves_what_was_sent_in_the_same_moment(self) -> None:
        request = scene.asked(scene.order())

        def send() -> None:
            scene.standing(request.order, Status.SENDING)

        with scene.meanwhile(send, before="ledger_account"):
            assert self.end_unsent() == 0

        assert scene.again(request.order).status == Status.SENDING


class TestSettleCancels:
    def settle(self, request: CancelRequest, told: dict[str, Rejected | None]) -> CancelRequest:
        [due] = forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)
        assert due == request
        forward.settle_cancels(requests=[due], told=told, now=NOW)
        return CancelRequest.objects.get(pk=request.pk)

    def test_notes_what_upstream_took(self) -> None:
        request = self.settle(scene.asked(running()), {"9001": None})

        assert request.state == CancelState.FORWARDED
        assert said(request.order) == [("cancel_forwarded", "", "")]
        assert (request.order.status, scene.balance()) == (Status.IN_PROGRESS, "999")

    @pytest.mark.parametrize("fault", NO)
    def test_notes_what_upstream_refused(self, fault: Fault) -> None:
        request = self.settle(scene.asked(running()), {"9001": no(fault)})

        assert request.state == CancelState.REFUSED
        assert said(request.order) == [("cancel_refused", "Nope", "")]

    @pytest.mark.parametrize("fault", LATER)
    def test_asks_later_when_upstream_cannot_now(self, fault: Fault) -> None:
        request = self.settle(scene.asked(running()), {"9001": no(fault)})

        assert (request.state, request.due_at) == (CancelState.ASKED, later(seconds=30))
        assert (request.attempts, said(request.order)) == (1, [])

    @pytest.mark.parametrize(
        ("attempts", "rest_seconds"), [(0, 30), (1, 60), (6, 1920), (7, 3600), (28, 3600)]
    )
    def test_rests_longer_each_time(self, attempts: int, rest_seconds: int) -> None:
        request = self.settle(scene.asked(running(), attempts=attempts), {})

        assert request.due_at == later(seconds=rest_seconds)
        assert request.attempts == attempts + 1

    def test_gives_up_in_the_end_and_tells_staff(self) -> None:
        request = self.settle(scene.asked(running(), attempts=29), {})

        assert (request.state, request.attempts) == (CancelState.REFUSED, 30)
        assert said(request.order) == [("cancel_given_up", "no outcome after 30 attempts", "")]
        assert forward.cancels_due(provider_id=scene.upstream().pk, now=later(days=9)) == []

    def test_asks_later_when_upstream_did_not_mention_it(self) -> None:
        request = self.settle(scene.asked(running()), {"777": None})

        assert (request.state, request.due_at) == (CancelState.ASKED, later(seconds=30))

    def test_does_nothing_when_the_order_ended_meanwhile(self) -> None:
        order = running()
        scene.asked(order)
        [due] = forward.cancels_due(provider_id=scene.upstream().pk, now=NOW)
        CancelRequest.objects.update(state=CancelState.DONE)

        forward.settle_cancels(requests=[due], told={"9001": None}, now=NOW)

        assert CancelRequest.objects.get().state == CancelState.DONE
        assert said(order) == []


class TestRefillsDue:
    def test_are_the_open_ones(self) -> None:
        new = refill()
        taken = refill(
            scene.order(Status.COMPLETED), state=RefillState.IN_PROGRESS, upstream_id="5"
        )
        for state in (RefillState.COMPLETED, RefillState.REJECTED):
            refill(scene.order(Status.COMPLETED), state=state, ended_at=NOW)

        due = forward.refills_due(provider_id=scene.upstream().pk, now=NOW)

        assert due == [new, taken]

    def test_leave_out_what_rests_and_what_is_another_providers(self) -> None:
        refill(due_at=later(seconds=1))
        elsewhere = cast.provider(name="elsewhere")

        assert forward.refills_due(provider_id=scene.upstream().pk, now=NOW) == []
        assert forward.refills_due(provider_id=elsewhere.pk, now=later(hours=1)) == []


class TestSettleRefills:
    def settle(self, told: dict[str, RefillTaken | Rejected]) -> Refill:
        made = refill()
        forward.settle_refills(refills=[made], told=told, now=later(seconds=5))
        return Refill.objects.get(pk=made.pk)

    def test_keeps_the_id_that_upstream_gave(self) -> None:
        made = self.settle({"9001": RefillTaken(upstream_id="31")})

        assert (made.state, made.upstream_id) == (RefillState.IN_PROGRESS, "31")
        assert (made.due_at, made.ended_at, made.attempts) == (later(seconds=5), None, 0)
        assert said(made.order) == [("refill_in_progress", "", "")]

    @pytest.mark.parametrize("fault", NO)
    def test_ends_what_upstream_refused(self, fault: Fault) -> None:
        made = self.settle({"9001": no(fault)})

        assert (made.state, made.ended_at) == (RefillState.REJECTED, later(seconds=5))
        assert said(made.order) == [("refill_rejected", "Nope", "")]

    @pytest.mark.parametrize(
        "told", [{}, {"777": RefillTaken(upstream_id="31")}] + [{"9001": no(f)} for f in LATER]
    )
    def test_asks_later_when_nothing_is_known(
        self, told: dict[str, RefillTaken | Rejected]
    ) -> None:
        made = self.settle(told)

        assert (made.state, made.due_at) == (RefillState.PENDING, later(seconds=35))
        assert (made.upstream_id, made.attempts, said(made.order)) == (None, 1, [])

    def test_gives_up_in_the_end_and_tells_staff(self) -> None:
        made = refill(attempts=29)

        forward.settle_refills(refills=[made], told={}, now=NOW)

        made.refresh_from_db()
        assert (made.state, made.ended_at) == (RefillState.REJECTED, NOW)
        assert said(made.order) == [("refill_given_up", "no outcome after 30 attempts", "")]

    def test_does_nothing_when_staff_ended_it_meanwhile(self) -> None:
        made = refill()
        Refill.objects.update(state=RefillState.COMPLETED, ended_at=NOW)

        forward.settle_refills(
            refills=[made], told={"9001": RefillTaken(upstream_id="31")}, now=NOW
        )

        made.refresh_from_db()
        assert (made.state, made.upstream_id) == (RefillState.COMPLETED, None)
        assert said(made.order) == []


class TestSettleRefillStatuses:
    def settle(self, told: dict[str, RefillStatus | Rejected], *, age_seconds: float = 5) -> Refill:
        made = refill(state=RefillState.IN_PROGRESS, upstream_id="31")
        now = later(seconds=age_seconds)
        forward.settle_refill_statuses(refills=[made], told=told, now=now)
        return Refill.objects.get(pk=made.pk)

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            (RefillWord.COMPLETED, RefillState.COMPLETED),
            (RefillWord.REJECTED, RefillState.REJECTED),
        ],
    )
    def test_ends_with_what_upstream_says(self, word: RefillWord, state: RefillState) -> None:
        made = self.settle({"31": RefillStatus(word=word)})

        assert (made.state, made.ended_at) == (state, later(seconds=5))
        assert said(made.order) == [(f"refill_{state}", "", "")]

    @pytest.mark.parametrize(
        "told",
        [
            {},
            {"777": RefillStatus(word=RefillWord.COMPLETED)},
            {"31": RefillStatus(word=None)},
            {"31": RefillStatus(word=RefillWord.PENDING)},
            {"31": RefillStatus(word=RefillWord.IN_PROGRESS)},
            {"31": no(Fault.UNKNOWN_ORDER)},
        ],
    )
    def test_keeps_asking_while_there_is_no_end(
        self, told: dict[str, RefillStatus | Rejected]
    ) -> None:
        made = self.settle(told)

        assert (made.state, made.ended_at) == (RefillState.IN_PROGRESS, None)
        assert made.due_at > later(seconds=5)
        assert said(made.order) == []

    @pytest.mark.parametrize(
        ("age_seconds", "rest_seconds"),
        [(0, 1), (10, 1), (100, 10), (36_000, 3600), (86_400, 3600)],
    )
    @pytest.mark.parametrize("word", [None, RefillWord.IN_PROGRESS])
    def test_asks_about_an_old_one_less_often(
        self, age_seconds: float, rest_seconds: float, word: RefillWord | None
    ) -> None:
        made = self.settle({"31": RefillStatus(word=word)}, age_seconds=age_seconds)

        assert made.due_at == later(seconds=age_seconds + rest_seconds)

    @pytest.mark.parametrize("told", [{}, {"31": no(Fault.UNKNOWN_ORDER)}])
    def test_gives_up_where_the_provider_knows_nothing_of_it(
        self, told: dict[str, RefillStatus | Rejected]
    ) -> None:
        made = refill(state=RefillState.IN_PROGRESS, upstream_id="31", attempts=29)

        forward.settle_refill_statuses(refills=[made], told=told, now=NOW)

        made.refresh_from_db()
        assert made.state == RefillState.REJECTED
        assert said(made.order) == [("refill_given_up", "no outcome after 30 attempts", "")]

    def test_forgets_the_attempts_when_an_answer_comes(self) -> None:
        made = refill(state=RefillState.IN_PROGRESS, upstream_id="31", attempts=29)
        told = {"31": RefillStatus(word=RefillWord.IN_PROGRESS)}

        forward.settle_refill_statuses(refills=[made], told=told, now=NOW)

        made.refresh_from_db()
        assert made.attempts == 0

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            (RefillWord.IN_PROGRESS, RefillState.REJECTED),
            (RefillWord.COMPLETED, RefillState.COMPLETED),
        ],
    )
    def test_gives_up_what_its_provider_has_forgotten(
        self, word: RefillWord, state: RefillState
    ) -> None:
        made = self.settle({"31": RefillStatus(word=word)}, age_seconds=31 * 86_400)

        assert made.state == state
