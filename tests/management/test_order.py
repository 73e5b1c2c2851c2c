from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from relaypanel import clock, money
from relaypanel.ledger import book
from relaypanel.orders.models import Order, Status
from tests import cast
from tests.management.upstream import Upstream
from tests.orders import lost, scene

pytestmark = pytest.mark.django_db


def manual(orders: int = 1) -> list[Order]:
    """Return orders that staff fulfil by hand, of 1000 pieces for 1 each."""
    service = cast.service(rate="1", cancel=True)
    return [scene.placed(service) for _ in range(orders)]


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command("order", *(str(argument) for argument in arguments), stdout=out)
    return out.getvalue()


class TestSetStatus:
    def test_moves_an_order_and_says_where_it_is(self) -> None:
        [order] = manual()

        said = run("set-status", order.pk, "in_progress")

        assert said == f"order {order.pk} is in_progress\n"
        assert scene.again(order).status == Status.IN_PROGRESS

    @pytest.mark.parametrize(
        ("words", "status"),
        [
            ("In progress", Status.IN_PROGRESS),
            ("Processing", Status.PROCESSING),
            ("pending", Status.PENDING),
            (" Completed ", Status.COMPLETED),
            ("Canceled", Status.CANCELED),
        ],
    )
    def test_reads_the_words_of_the_wire_and_ours(self, words: str, status: Status) -> None:
        [order] = manual()

        run("set-status", order.pk, words)

        assert scene.again(order).status == status

    def test_moves_several(self) -> None:
        orders = manual(3)

        said = run("set-status", *(order.pk for order in orders), "Completed")

        assert said.splitlines() == [f"order {order.pk} is completed" for order in orders]
        assert [scene.again(order).status for order in orders] == [Status.COMPLETED] * 3

    def test_gives_back_what_was_not_delivered(self) -> None:
        [order] = manual()

        run("set-status", order.pk, "Partial", "--remains", "333")

        assert scene.again(order).remains == 333
        assert book.balance(order.user_id) == money.parse("999.333")

    def test_tells_each_refusal_and_moves_the_others(self) -> None:
        good, ended = manual(2)
        run("set-status", ended.pk, "Canceled")
        out = io.StringIO()
        asked = [str(ended.pk), str(good.pk), "999", "9" * 30]

        with pytest.raises(CommandError) as refused:
            call_command("order", "set-status", *asked, "In progress", stdout=out)

        assert str(refused.value).splitlines() == [
            f"order {ended.pk} is canceled and cannot become in_progress",
            "there is no order 999",
            f"there is no order {'9' * 30}",
        ]
        assert refused.value.returncode != 0
        assert out.getvalue() == f"order {good.pk} is in_progress\n"
        assert scene.again(good).status == Status.IN_PROGRESS

    @pytest.mark.parametrize("remains", [-1, 1001])
    def test_refuses_a_rest_beyond_the_order(self, remains: int) -> None:
        [order] = manual()

        with pytest.raises(CommandError, match="remains is between 0 and 1000"):
            run("set-status", order.pk, "Partial", "--remains", remains)

        assert scene.again(order).status == Status.QUEUED

    def test_says_which_words_there_are(self) -> None:
        [order] = manual()

        with pytest.raises(CommandError, match="'Cancelled' is no status: write one of queued, "):
            run("set-status", order.pk, "Cancelled")

    def test_refuses_what_is_no_order_id(self) -> None:
        with pytest.raises(CommandError, match="invalid int value: 'abc'"):
            run("set-status", "abc", "Completed")


class TestUnconfirmed:
    @pytest.fixture(autouse=True)
    def an_hour_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "of_database", lambda: scene.later(hours=1))

    def test_are_listed_with_what_keeps_them_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "of_database", lambda: scene.later(seconds=200))
        settled, fresh = lost.lost(60), lost.lost(100)

        assert run("unconfirmed", "list").splitlines() == [
            f"{settled.pk}  open  upstream  sent 2026-11-24 12:01:00  1000 for 1  "
            "https://example.com/post/1/60  time-out after the body",
            f"{fresh.pk}  wait until 12:03:40 UTC  upstream  sent 2026-11-24 12:01:40  "
            "1000 for 1  https://example.com/post/1/100  time-out after the body",
        ]

    @pytest.mark.sockets
    def test_are_attached_when_the_provider_knows_the_order(self, upstream: Upstream) -> None:
        upstream.replies["status"] = b'{"13": {"status": "In progress", "charge": "0.5"}}'
        order = lost.lost()
        lost.provider(url=upstream.url)

        assert run("unconfirmed", "attach", order.pk, "13") == f"order {order.pk} is pending\n"
        assert scene.again(order).upstream_id == "13"

    def test_are_sent_again_for_a_reason(self) -> None:
        order = lost.lost()

        said = run("unconfirmed", "requeue", order.pk, "--reason", "They said no by mail.")

        assert said == f"order {order.pk} is queued\n"

    def test_are_not_sent_again_without_proof(self) -> None:
        order = lost.lost()

        with pytest.raises(CommandError, match="is not proved absent"):
            run("unconfirmed", "requeue", order.pk)

    def test_are_refunded_once(self) -> None:
        order = lost.lost()

        assert run("unconfirmed", "refund", order.pk) == f"order {order.pk} is canceled\n"

        with pytest.raises(CommandError, match="is canceled, not unconfirmed"):
            run("unconfirmed", "refund", order.pk)
        assert scene.balance() == "1000"

    @pytest.mark.sockets
    def test_say_so_when_the_provider_cannot_be_asked(self, upstream: Upstream) -> None:
        upstream.replies["status"] = b"<html>"
        order = lost.lost()
        lost.provider(url=upstream.url)

        with pytest.raises(CommandError, match="without one JSON document"):
            run("unconfirmed", "attach", order.pk, "13")


class TestRelease:
    def test_sends_a_held_order_after_all(self) -> None:
        order = scene.order(Status.HELD)

        assert run("release", order.pk) == f"order {order.pk} is queued\n"

        with pytest.raises(CommandError, match="only a held one"):
            run("release", order.pk)


class TestDripFeed:
    def test_is_paused_resumed_and_stopped(self) -> None:
        parent = scene.drip_feed(runs=3)
        assert scene.balance() == "997"

        assert run("drip-feed", "pause", parent.pk) == f"drip-feed {parent.pk} is paused\n"
        assert run("drip-feed", "resume", parent.pk) == f"drip-feed {parent.pk} is going\n"
        assert run("drip-feed", "stop", parent.pk) == f"drip-feed {parent.pk} is made\n"

        assert scene.balance() == "1000"
        assert scene.reasons(parent) == [
            "drip_feed_paused",
            "drip_feed_resumed",
            "drip_feed_stopped",
        ]

    def test_is_another_thing_than_an_order(self) -> None:
        for order_id in (scene.order().pk, 2**70):
            with pytest.raises(CommandError, match=f"order {order_id} is no drip-feed"):
                run("drip-feed", "pause", order_id)

    def test_cannot_be_paused_when_no_run_is_to_come(self) -> None:
        parent = scene.drip_feed(runs=1)
        run("drip-feed", "stop", parent.pk)

        with pytest.raises(CommandError, match=f"order {parent.pk}"):
            run("drip-feed", "pause", parent.pk)
