from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import User
from relaypanel.contract import OrderType
from relaypanel.orders.models import DripFeed, Order, Status
from tests import cast
from tests.api_v2.client import ago, call, order, refusal

pytestmark = pytest.mark.django_db


def seed_orders(user: User) -> None:
    service = cast.service()
    common = {"quantity": 1000}
    order(user, service, id=123, status=Status.PARTIAL, **_of("0.27819", 3572, 157), **common)
    order(user, service, id=789, status=Status.IN_PROGRESS, **_of("1.44219", 234, 10), **common)


def _of(charge: str, start_count: int, remains: int) -> dict[str, object]:
    return {"charge": charge, "start_count": start_count, "remains": remains}


class TestOneOrder:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        order(
            alice.user, cast.service(), id=1, status=Status.COMPLETED, **_of("0.27819", 3572, 157)
        )

        assert call(key=alice.api_key, action="status", order="1") == (
            b'{"charge":"0.27819","start_count":"3572","status":"Completed","remains":"157",'
            b'"currency":"USD"}'
        )

    def test_says_pending_with_no_count_for_an_order_nobody_began(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), id=2)

        assert call(key=alice.api_key, action="status", order=" 2 ") == (
            b'{"charge":"0.9","start_count":"0","status":"Pending","remains":"1000",'
            b'"currency":"USD"}'
        )

    def test_tells_the_runs_of_a_drip_feed(self) -> None:
        alice = cast.alice()
        service = cast.service(dripfeed=True)
        parent = order(alice.user, service, id=20, status=Status.IN_PROGRESS, remains=3000)
        DripFeed.objects.create(
            order=parent, user=alice.user, runs=3, interval_minutes=60, next_run=2
        )
        order(alice.user, service, id=21, parent=parent, run=1, remains=400)

        assert call(key=alice.api_key, action="status", order="20") == (
            b'{"charge":"0.9","start_count":"0","status":"In progress","remains":"2400",'
            b'"currency":"USD","runs":"3","orders":["21"]}'
        )

    def test_tells_the_posts_of_a_subscription(self) -> None:
        alice = cast.alice()
        service = cast.service(type=OrderType.SUBSCRIPTIONS)
        parent = order(alice.user, service, id=21, status=Status.IN_PROGRESS, charge="0")
        order(alice.user, service, id=22, parent=parent, run=1, charge="0.5")

        assert call(key=alice.api_key, action="status", order="21") == (
            b'{"status":"Active","expiry":null,"posts":"1","orders":["22"],'
            b'"charge":"0.5","currency":"USD"}'
        )

    def test_finds_an_order_by_its_client_ref(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), id=2, client_ref="mine-1")

        assert call(key=alice.api_key, action="status", client_ref="mine-1") == (
            b'{"charge":"0.9","start_count":"0","status":"Pending","remains":"1000",'
            b'"currency":"USD"}'
        )

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "0",
            "-1",
            "+1",
            "01",
            "1.0",
            "1e0",
            "1_0",
            "1,2",
            "１",
            "²",
            "٣",
            "abc",
            "undefined",
            "1 OR 1=1",
            "1\x00",
            "1�",
            str(2**31),
            str(2**63),
            "9" * 30,
            "9" * 4301,
            "9" * 64000,
        ],
    )
    def test_refuses_what_is_no_order(self, text: str) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), id=1)

        assert refusal(key=alice.api_key, action="status", order=text) == "Incorrect order ID"

    def test_refuses_a_call_that_names_no_order(self) -> None:
        assert refusal(key=cast.alice().api_key, action="status") == "Incorrect order ID"

    def test_answers_for_a_strangers_order_as_for_none(self) -> None:
        bob, alice = cast.bob(), cast.alice()
        order(alice.user, cast.service(), id=1, client_ref="hers")

        foreign = call(key=bob.api_key, action="status", order="1")
        foreign_ref = call(key=bob.api_key, action="status", client_ref="hers")
        absent = call(key=bob.api_key, action="status", order="2")

        assert foreign == foreign_ref == absent == b'{"error":"Incorrect order ID"}'

    @pytest.mark.parametrize("ref", ["", "other", "é", "x" * 101, "mine\x00", "\ufffd"])
    def test_refuses_a_client_ref_that_names_no_order(self, ref: str) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), client_ref="mine")

        assert refusal(key=alice.api_key, action="status", client_ref=ref) == "Incorrect order ID"


class TestManyOrders:
    def test_replies_as_the_specification_says(self) -> None:
        alice = cast.alice()
        seed_orders(alice.user)

        assert call(key=alice.api_key, action="status", orders="123,456,789") == (
            b'{"123":{"charge":"0.27819","start_count":"3572","status":"Partial",'
            b'"remains":"157","currency":"USD"},'
            b'"456":{"error":"Incorrect order ID"},'
            b'"789":{"charge":"1.44219","start_count":"234","status":"In progress",'
            b'"remains":"10","currency":"USD"}}'
        )

    def test_answers_each_text_once_and_skips_empty_items(self) -> None:
        alice = cast.alice()
        texts = " 5,,5 ,abc, -1,05,1 2,'\"," + "9" * 50 + ","

        assert call(key=alice.api_key, action="status", orders=texts) == (
            b'{"5":{"error":"Incorrect order ID"},'
            b'"abc":{"error":"Incorrect order ID"},'
            b'"-1":{"error":"Incorrect order ID"},'
            b'"05":{"error":"Incorrect order ID"},'
            b'"1 2":{"error":"Incorrect order ID"},'
            b'"\'\\"":{"error":"Incorrect order ID"},'
            b'"9999999999999999999999999999999999999999":{"error":"Incorrect order ID"}}'
        )

    def test_answers_bytes_that_are_no_text(self) -> None:
        alice = cast.alice()

        reply = call(key=alice.api_key, action="status", orders=b"\xff,\x00,\xed\xa0\x80")

        assert reply == (
            b'{"?":{"error":"Incorrect order ID"},'
            b'"\\u0000":{"error":"Incorrect order ID"},'
            b'"???":{"error":"Incorrect order ID"}}'
        )

    def test_wins_over_a_single_order(self) -> None:
        alice = cast.alice()

        reply = call(key=alice.api_key, action="status", order="1", orders="2")

        assert reply == b'{"2":{"error":"Incorrect order ID"}}'

    def test_leaves_the_single_order_when_it_names_none(self) -> None:
        alice = cast.alice()
        order(alice.user, cast.service(), id=1)

        assert b"Pending" in call(key=alice.api_key, action="status", order="1", orders=" , ")

    def test_takes_a_hundred(self) -> None:
        alice = cast.alice()

        reply = call(key=alice.api_key, action="status", orders=",".join(map(str, range(1, 101))))

        assert reply.count(b"Incorrect order ID") == 100

    def test_costs_as_many_queries_as_one(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        alice = cast.alice()
        service = cast.service(dripfeed=True)
        parents = [order(alice.user, service) for _ in range(40)]
        for parent in parents:
            DripFeed.objects.create(order=parent, user=alice.user, runs=3, interval_minutes=60)
            order(alice.user, service, parent=parent, run=1)

        with django_assert_max_num_queries(5):
            call(
                key=alice.api_key,
                action="status",
                orders=",".join(str(parent.pk) for parent in parents),
            )

    @pytest.mark.parametrize("count", [101, 10_000, 100_000])
    def test_refuses_more_than_a_hundred(self, count: int) -> None:
        key = cast.alice().api_key

        words = refusal(key=key, action="status", orders=",".join(map(str, range(count))))

        assert words == "Too many IDs: at most 100"

    def test_counts_a_repeated_id_once(self) -> None:
        key = cast.alice().api_key

        assert call(key=key, action="status", orders="7," * 1000) == (
            b'{"7":{"error":"Incorrect order ID"}}'
        )

    def test_keeps_strangers_apart_in_one_call(self) -> None:
        alice, bob = cast.alice(), cast.bob()
        service = cast.service()
        order(alice.user, service, id=1)
        order(bob.user, service, id=2)

        assert call(key=bob.api_key, action="status", orders="1,2") == (
            b'{"1":{"error":"Incorrect order ID"},'
            b'"2":{"charge":"0.9","start_count":"0","status":"Pending","remains":"1000",'
            b'"currency":"USD"}}'
        )

    @pytest.mark.parametrize("orders", ["", ",", " , ,, "])
    def test_refuses_a_list_of_nothing(self, orders: str) -> None:
        key = cast.alice().api_key

        assert refusal(key=key, action="status", orders=orders) == "Incorrect order ID"


class TestStatusWords:
    @pytest.mark.parametrize(
        ("status", "word"),
        [
            (Status.QUEUED, "Pending"),
            (Status.SENDING, "Pending"),
            (Status.UNCONFIRMED, "Pending"),
            (Status.HELD, "Pending"),
            (Status.PENDING, "Pending"),
            (Status.PROCESSING, "Processing"),
            (Status.IN_PROGRESS, "In progress"),
            (Status.COMPLETED, "Completed"),
            (Status.PARTIAL, "Partial"),
            (Status.CANCELED, "Canceled"),
        ],
    )
    def test_are_the_six_of_the_wire(self, status: Status, word: str) -> None:
        alice = cast.alice()
        placed = order(alice.user, cast.service(), status=status)
        assert Order.objects.filter(pk=placed.pk, placed_at__lt=ago(hours=1)).exists()

        reply = call(key=alice.api_key, action="status", order=placed.pk)

        assert f'"status":"{word}"'.encode() in reply
