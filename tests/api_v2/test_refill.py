from __future__ import annotations

from typing import Any

import pytest

from relaypanel.orders.models import Order, Refill, RefillState, Status
from tests import cast
from tests.api_v2.client import ago, call, order, refusal

pytestmark = pytest.mark.django_db


def completed(enrolled: Any, **fields: Any) -> Order:
    service = cast.service(refill_days=30)
    return order(enrolled.user, service, **({"status": Status.COMPLETED} | fields))


class TestOneRefill:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        completed(alice, id=1)

        reply = call(key=alice.api_key, action="refill", order="1")

        assert reply == b'{"refill":"%d"}' % Refill.objects.get().pk

    def test_is_running_until_it_has_ended(self) -> None:
        alice = cast.alice()
        completed(alice, id=1)
        call(key=alice.api_key, action="refill", order="1")

        words = refusal(key=alice.api_key, action="refill", order="1")

        assert words == "The refill task is not completed for this order"

    @pytest.mark.parametrize(
        ("days", "status", "ended_hours_ago", "words"),
        [
            (None, Status.COMPLETED, 30, "Refill is disabled for this service"),
            (30, Status.PARTIAL, 30, "The order is not completed"),
            (
                30,
                Status.COMPLETED,
                23,
                "The order was completed or refill was requested less than 24 hours ago",
            ),
            (1, Status.COMPLETED, 30, "Refill days are over"),
        ],
    )
    def test_says_why_not(
        self, days: int | None, status: Status, ended_hours_ago: int, words: str
    ) -> None:
        alice = cast.alice()
        service = cast.service(refill_days=days)
        order(alice.user, service, id=1, status=status, ended_at=ago(hours=ended_hours_ago))

        assert refusal(key=alice.api_key, action="refill", order="1") == words

    @pytest.mark.parametrize("text", ["", "0", "-1", "01", "1,2", "abc", "９", str(2**63), "\x00"])
    def test_refuses_what_is_no_order(self, text: str) -> None:
        alice = cast.alice()
        completed(alice, id=1)

        assert refusal(key=alice.api_key, action="refill", order=text) == "Incorrect order ID"

    def test_refuses_a_strangers_order(self) -> None:
        bob = cast.bob()
        completed(cast.alice(), id=1)

        assert refusal(key=bob.api_key, action="refill", order="1") == "Incorrect order ID"

    def test_refuses_a_call_that_names_no_order(self) -> None:
        assert refusal(key=cast.alice().api_key, action="refill") == "Incorrect order ID"


class TestManyRefills:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        completed(alice, id=1)
        completed(alice, id=2)

        reply = call(key=alice.api_key, action="refill", orders="1,2,3")

        first, second = Refill.objects.order_by("order_id").values_list("pk", flat=True)
        assert reply == (
            b'[{"order":1,"refill":%d},{"order":2,"refill":%d},'
            b'{"order":3,"refill":{"error":"Incorrect order ID"}}]' % (first, second)
        )

    def test_says_why_not_in_the_row(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), id=1, status=Status.COMPLETED)

        assert call(key=alice.api_key, action="refill", orders="1,x,,1") == (
            b'[{"order":1,"refill":{"error":"Refill is disabled for this service"}},'
            b'{"order":"x","refill":{"error":"Incorrect order ID"}}]'
        )

    def test_refuses_more_than_a_hundred(self) -> None:
        key = cast.alice().api_key

        words = refusal(key=key, action="refill", orders=",".join(map(str, range(101))))

        assert words == "Too many IDs: at most 100"


def refill(target: Order, state: RefillState, *, id: int) -> None:
    ended = state in (RefillState.COMPLETED, RefillState.REJECTED)
    Refill.objects.create(
        id=id,
        order=target,
        user_id=target.user_id,
        state=state,
        asked_at=ago(hours=3),
        due_at=ago(hours=3),
        ended_at=ago(hours=1) if ended else None,
    )
