from __future__ import annotations

import pytest

from relaypanel.orders.models import RefillState
from tests import cast
from tests.api_v2.client import call, refusal
from tests.api_v2.test_refill import completed, refill

pytestmark = pytest.mark.django_db


class TestOneRefillStatus:
    @pytest.mark.parametrize(
        ("state", "reply"),
        [
            (RefillState.COMPLETED, b'{"status":"Completed"}'),
            (RefillState.PENDING, b'{"status":"Pending"}'),
            (RefillState.IN_PROGRESS, b'{"status":"In progress"}'),
            (RefillState.REJECTED, b'{"status":"Rejected"}'),
        ],
    )
    def test_replies_as_the_specification_says(self, state: RefillState, reply: bytes) -> None:
        alice = cast.alice()
        refill(completed(alice), state, id=1)

        assert call(key=alice.api_key, action="refill_status", refill="1") == reply

    @pytest.mark.parametrize("text", ["", "0", "-1", "2", "01", "1,1", "x", "１", "9" * 30, "\x00"])
    def test_refuses_what_is_no_refill(self, text: str) -> None:
        alice = cast.alice()
        refill(completed(alice), RefillState.COMPLETED, id=1)

        assert refusal(key=alice.api_key, action="refill_status", refill=text) == "Refill not found"

    def test_refuses_a_refill_of_a_strangers_order(self) -> None:
        bob = cast.bob()
        refill(completed(cast.alice()), RefillState.COMPLETED, id=1)

        assert refusal(key=bob.api_key, action="refill_status", refill="1") == "Refill not found"

    def test_refuses_a_call_that_names_no_refill(self) -> None:
        assert refusal(key=cast.alice().api_key, action="refill_status") == "Refill not found"


class TestManyRefillStatuses:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        refill(completed(alice), RefillState.COMPLETED, id=1)
        refill(completed(alice), RefillState.REJECTED, id=2)

        assert call(key=alice.api_key, action="refill_status", refills="1,2,3") == (
            b'[{"refill":1,"status":"Completed"},{"refill":2,"status":"Rejected"},'
            b'{"refill":3,"status":{"error":"Refill not found"}}]'
        )

    def test_shows_an_id_that_is_no_number_as_it_was_sent(self) -> None:
        assert call(key=cast.alice().api_key, action="refill_status", refills="x, 4,") == (
            b'[{"refill":"x","status":{"error":"Refill not found"}},'
            b'{"refill":4,"status":{"error":"Refill not found"}}]'
        )

    def test_refuses_more_than_a_hundred(self) -> None:
        key = cast.alice().api_key

        words = refusal(key=key, action="refill_status", refills=",".join(map(str, range(101))))

        assert words == "Too many IDs: at most 100"
