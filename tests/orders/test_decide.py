from __future__ import annotations

from collections.abc import Callable

import pytest

from relaypanel import errors
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry
from relaypanel.orders import decide
from relaypanel.orders.decide import CancelVerdict, RefillVerdict
from relaypanel.orders.models import (
    CancelRequest,
    CancelState,
    Order,
    OrderEvent,
    Refill,
    RefillState,
    Status,
)
from tests import cast
from tests.orders import scene
from tests.orders.scene import later

pytestmark = pytest.mark.django_db

NOW = later(hours=1)


def manual(status: Status = Status.IN_PROGRESS) -> Order:
    return scene.standing(scene.placed(cast.service(rate="1", cancel=True)), status)


def refill(order: Order | None = None, **columns: object) -> Refill:
    order = order or manual(Status.COMPLETED)
    told = {"asked_at": scene.NOW, "due_at": scene.NOW} | columns
    return Refill.objects.create(order=order, user=order.user, **told)


def cancel(request: CancelRequest, verdict: CancelVerdict, reason: str = "") -> None:
    decide.cancel(request_id=request.pk, verdict=verdict, reason=reason, by=CONSOLE, now=NOW)


def answer(one: Refill, verdict: RefillVerdict, reason: str = "") -> None:
    decide.refill(refill_id=one.pk, verdict=verdict, reason=reason, by=CONSOLE, now=NOW)


def refused(act: Callable[[], None]) -> str:
    """Return the code of a refusal that wrote nothing."""
    with scene.written() as rows, pytest.raises(errors.Refused) as refusal:
        act()
    assert rows == []
    return refusal.value.code


class TestCancel:
    def test_ends_the_order_and_gives_everything_back(self) -> None:
        order = manual()
        request = scene.asked(order)

        cancel(request, CancelVerdict.APPROVE)

        assert scene.again(order).status == Status.CANCELED
        assert scene.balance() == "1000"
        request.refresh_from_db()
        assert request.state == CancelState.DONE
        entry = AuditEntry.objects.get(act="cancel.approve")
        assert entry.before == {"state": "asked", "order": order.pk}
        assert entry.after == {"state": "done"}

    def test_is_rejected_for_a_reason(self) -> None:
        request = scene.asked(manual())
        reject = CancelVerdict.REJECT

        assert refused(lambda: cancel(request, reject, " \0")) == "reason_needed"
        assert refused(lambda: cancel(request, reject, "x" * 401)) == "reason_needed"
        cancel(request, reject, "It has begun.")

        request.refresh_from_db()
        assert request.state == CancelState.REFUSED
        event = OrderEvent.objects.latest("pk")
        assert (event.reason, event.detail) == ("cancel_rejected", "It has begun.")
        assert AuditEntry.objects.get().after == {"state": "refused", "reason": "It has begun."}
        assert refused(lambda: cancel(request, CancelVerdict.APPROVE)) == "request_not_open"

    def test_is_put_to_its_provider_at_once(self) -> None:
        request = scene.asked(
            scene.order(Status.PENDING), due_at=later(days=1), attempts=9, state="forwarded"
        )

        cancel(request, CancelVerdict.FORWARD)

        request.refresh_from_db()
        assert (request.state, request.due_at, request.attempts) == (CancelState.ASKED, NOW, 0)
        by_hand = scene.asked(manual())
        forward = CancelVerdict.FORWARD
        assert refused(lambda: cancel(by_hand, forward)) == "request_not_forwardable"

    @pytest.mark.parametrize("status", [Status.SENDING, Status.UNCONFIRMED])
    def test_waits_while_the_order_may_be_on_its_way(self, status: Status) -> None:
        request = scene.asked(scene.order(status))

        code = refused(lambda: cancel(request, CancelVerdict.APPROVE))

        assert code == "order_not_to_be_ended_yet"

    def test_that_is_not_there_is_refused(self) -> None:
        one = CancelRequest(pk=987)

        assert refused(lambda: cancel(one, CancelVerdict.APPROVE)) == "no_such_request"


class TestRefill:
    def test_is_taken_on_and_done(self) -> None:
        one = refill()

        answer(one, RefillVerdict.TAKE)
        answer(one, RefillVerdict.DONE)

        one.refresh_from_db()
        assert (one.state, one.ended_at) == (RefillState.COMPLETED, NOW)
        acts = AuditEntry.objects.order_by("pk").values_list("act", flat=True)
        assert list(acts) == ["refill.take", "refill.done"]
        assert refused(lambda: answer(one, RefillVerdict.TAKE)) == "request_not_open"

    def test_is_rejected_for_a_reason(self) -> None:
        one = refill()
        assert refused(lambda: answer(one, RefillVerdict.REJECT)) == "reason_needed"

        answer(one, RefillVerdict.REJECT, "Nothing dropped.")

        one.refresh_from_db()
        assert one.state == RefillState.REJECTED
        assert OrderEvent.objects.latest("pk").detail == "Nothing dropped."

    def test_is_put_to_its_provider_at_once(self) -> None:
        one = refill(scene.order(Status.COMPLETED), attempts=9)

        answer(one, RefillVerdict.FORWARD)

        one.refresh_from_db()
        assert (one.state, one.due_at, one.attempts) == (RefillState.PENDING, NOW, 0)
        by_hand = refill()
        forward = RefillVerdict.FORWARD
        assert refused(lambda: answer(by_hand, forward)) == "request_not_forwardable"


class TestLists:
    def test_hold_what_is_open_oldest_first(self) -> None:
        first, second = scene.asked(manual()), scene.asked(manual())
        scene.asked(manual(), state=CancelState.REFUSED)
        scene.asked(scene.order(Status.COMPLETED), state=CancelState.FORWARDED)
        one = refill()
        refill(state=RefillState.COMPLETED, ended_at=NOW)

        assert decide.cancels() == [first, second]
        assert decide.cancels(after_id=first.pk) == [second]
        assert decide.refills() == [one]
