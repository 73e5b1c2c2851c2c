from __future__ import annotations

import pytest

from relaypanel.orders.models import CancelRequest, Status
from tests import cast
from tests.api_v2.client import call, order, refusal

pytestmark = pytest.mark.django_db


class TestCancel:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(cancel=True), id=2)

        assert call(key=alice.api_key, action="cancel", orders="9,2") == (
            b'[{"order":9,"cancel":{"error":"Incorrect order ID"}},{"order":2,"cancel":1}]'
        )

    def test_asks_once_however_often_it_is_called(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(cancel=True), id=2)

        first = call(key=alice.api_key, action="cancel", orders="2,2")
        second = call(key=alice.api_key, action="cancel", orders="2")

        assert first == second == b'[{"order":2,"cancel":1}]'
        assert CancelRequest.objects.count() == 1

    def test_says_why_not_in_the_row(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(cancel=False), id=1)
        order(alice.user, cast.service(cancel=True), id=2, status=Status.COMPLETED)

        assert call(key=alice.api_key, action="cancel", orders="1,2,x") == (
            b'[{"order":1,"cancel":{"error":"Cancel is disabled for this service"}},'
            b'{"order":2,"cancel":{"error":"The order can no longer be canceled"}},'
            b'{"order":"x","cancel":{"error":"Incorrect order ID"}}]'
        )
        assert not CancelRequest.objects.exists()

    def test_finds_the_order_by_its_client_ref(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(cancel=True), id=2, client_ref="mine")

        assert call(key=alice.api_key, action="cancel", client_ref="mine") == (
            b'[{"order":2,"cancel":1}]'
        )

    def test_answers_for_a_strangers_order_as_for_none(self) -> None:
        alice, bob = cast.alice(), cast.bob()
        order(alice.user, cast.service(cancel=True), id=1, client_ref="hers")

        rows = call(key=bob.api_key, action="cancel", orders="1,2")

        assert rows == (
            b'[{"order":1,"cancel":{"error":"Incorrect order ID"}},'
            b'{"order":2,"cancel":{"error":"Incorrect order ID"}}]'
        )
        assert refusal(key=bob.api_key, action="cancel", client_ref="hers") == "Incorrect order ID"
        assert not CancelRequest.objects.exists()

    def test_shows_an_id_that_is_no_number_as_it_was_sent(self) -> None:
        rows = call(key=cast.alice().api_key, action="cancel", orders="0,007,-5," + "9" * 30)

        assert rows == (
            b'[{"order":0,"cancel":{"error":"Incorrect order ID"}},'
            b'{"order":"007","cancel":{"error":"Incorrect order ID"}},'
            b'{"order":"-5","cancel":{"error":"Incorrect order ID"}},'
            b'{"order":"999999999999999999999999999999","cancel":{"error":"Incorrect order ID"}}]'
        )

    @pytest.mark.parametrize("fields", [{}, {"orders": ""}, {"orders": ",,"}, {"order": "2"}])
    def test_refuses_a_call_that_names_no_orders(self, fields: dict[str, str]) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(cancel=True), id=2)

        words = refusal(key=alice.api_key, action="cancel", **fields)

        assert words == "Incorrect order ID"

    def test_refuses_more_than_a_hundred(self) -> None:
        key = cast.alice().api_key

        words = refusal(key=key, action="cancel", orders=",".join(map(str, range(101))))

        assert words == "Too many IDs: at most 100"
