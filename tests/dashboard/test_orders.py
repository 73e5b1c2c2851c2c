from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse

from relaypanel.orders.models import CancelRequest, Order, Refill, Status
from tests import cast
from tests.dashboard.browser import queries, signed_in
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db


def get(path: str) -> Any:
    return signed_in(scene.alice()).get(path)


def shown(path: str) -> list[int]:
    return [one.order.pk for one in get(path).context["rows"]]


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def _apart_from(response: Any, path: str) -> str:
    """Return the page without its address, and without the tokens that each page has anew."""
    tokens = r'value="[\w]{64}"|"X-CSRFToken": "\w{64}"'
    return re.sub(tokens, "", response.content.decode().replace(path, ""))


class TestPage:
    def test_shows_the_orders_of_the_reader(self) -> None:
        order = scene.order()
        scene.placed_by(cast.bob(balance="10").user, scene.relayed())

        assert shown("/orders") == [order.pk]

    def test_has_words_for_who_has_none(self) -> None:
        assert "No orders yet" in text(get("/orders"))
        assert "No order fits" in text(get("/orders?q=nothing"))

    def test_counts_each_tab_and_shows_one(self) -> None:
        scene.order(Status.PENDING)
        order = scene.order(Status.COMPLETED)

        response = get("/orders?state=completed")

        assert {t["value"]: t["count"] for t in response.context["tabs"] if t["count"]} == {
            "": 2,
            "pending": 1,
            "completed": 1,
        }
        assert [one.order.pk for one in response.context["rows"]] == [order.pk]

    def test_shows_days_of_the_readers_zone(self) -> None:
        alice = scene.alice()
        alice.time_zone = "Asia/Ho_Chi_Minh"
        alice.save(update_fields=["time_zone"])
        order = scene.order()
        # Seven hours behind, it is the 25th there.
        Order.objects.filter(pk=order.pk).update(placed_at=NOW.replace(hour=18))

        assert shown("/orders?from=2026-11-25&to=2026-11-25") == [order.pk]
        assert shown("/orders?from=2026-11-24&to=2026-11-24") == []

    @pytest.mark.parametrize(
        "query",
        [
            *("state=nothing", "after=x", "from=2026-13-01", "to=0001-01-01", "to=9999-12-31"),
            *("q=%00", "q=%F0%9F%98%80", "from=x&to=y", "state=pending&after=1-1"),
        ],
    )
    def test_takes_any_query(self, query: str) -> None:
        scene.order()

        assert get(f"/orders?{query}").status_code == 200

    def test_explains_beside_each_order_why_not(self) -> None:
        scene.placed(scene.relayed(cancel=False))

        page = text(get("/orders"))

        assert "Orders of this service cannot be canceled." in page
        assert "This service comes without refill." in page

    def test_answers_a_live_part_with_that_part_alone(self) -> None:
        scene.order()

        part = signed_in(scene.alice()).get("/orders", headers={"HX-Request": "true"})

        assert part.content.decode().strip().startswith('<div id="orders"')
        assert "<html" not in part.content.decode()

    def test_sends_strangers_to_sign_in(self) -> None:
        from django.test import Client

        assert Client().get("/orders").status_code == 302

    def test_asks_the_same_queries_for_any_number_of_orders(self) -> None:
        client, service = signed_in(scene.alice()), scene.relayed()
        scene.placed(service)
        few = queries(client, "/orders")
        for _ in range(12):
            scene.placed(service)

        assert queries(client, "/orders") == few <= 14


class TestOne:
    def test_shows_what_was_ordered_and_what_happened(self) -> None:
        order = scene.order(Status.IN_PROGRESS, start_count=77)

        page = text(get(f"/orders/{order.pk}"))

        assert order.link in page
        assert "Placed and paid" in page
        assert "77" in page

    def test_tells_nothing_of_the_provider(self) -> None:
        order = scene.order(Status.IN_PROGRESS)

        page = text(get(f"/orders/{order.pk}"))

        assert "upstream" not in page
        assert str(order.upstream_id) not in page

    @pytest.mark.parametrize("order_id", [10**6, 2**63, 10**40])
    def test_is_not_there(self, order_id: int) -> None:
        assert get(f"/orders/{order_id}").status_code == 404

    def test_is_for_a_stranger_what_an_absent_one_is(self) -> None:
        order = scene.placed_by(cast.bob(balance="10").user, scene.relayed())
        client = signed_in(scene.alice())

        foreign, absent = client.get(f"/orders/{order.pk}"), client.get("/orders/999999")

        assert foreign.status_code == absent.status_code == 404
        assert _apart_from(foreign, f"/orders/{order.pk}") == _apart_from(absent, "/orders/999999")


class TestCancel:
    def test_ends_what_was_not_sent(self) -> None:
        order = scene.order()

        response = signed_in(scene.alice()).post(f"/orders/{order.pk}/cancel", follow=True)

        assert scene.again(order).status == Status.CANCELED
        assert "The order is to be canceled." in text(response)

    def test_says_why_not(self) -> None:
        order = scene.placed(scene.relayed(cancel=False))

        response = signed_in(scene.alice()).post(f"/orders/{order.pk}/cancel", follow=True)

        assert [str(m) for m in response.context["messages"]] == [
            "Orders of this service cannot be canceled."
        ]
        assert not CancelRequest.objects.exists()

    def test_finds_no_order_of_somebody_else(self) -> None:
        order = scene.placed_by(cast.bob(balance="10").user, scene.relayed())

        assert signed_in(scene.alice()).post(f"/orders/{order.pk}/cancel").status_code == 404
        assert scene.again(order).status == Status.QUEUED


class TestRefill:
    def test_asks_for_one(self) -> None:
        order = scene.standing(
            scene.placed(scene.relayed(refill_days=3650, refill_after_hours=0)), Status.COMPLETED
        )

        signed_in(scene.alice()).post(f"/orders/{order.pk}/refill")

        assert Refill.objects.get().order == order

    def test_says_when(self) -> None:
        order = scene.order(Status.COMPLETED)
        order.service.refill_days = 30
        order.service.save(update_fields=["refill_days"])
        Order.objects.filter(pk=order.pk).update(ended_at=NOW + timedelta(days=36_500))

        page = text(get(f"/orders/{order.pk}"))

        assert "A refill can be asked for from" in page


class TestExport:
    def rows(self, path: str = "/orders/export.csv") -> list[list[str]]:
        response = get(path)
        assert isinstance(response, StreamingHttpResponse)
        body = b"".join(response).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(body)))

    def test_holds_what_the_list_would_show(self) -> None:
        scene.order(Status.PENDING)
        order = scene.order(Status.COMPLETED)

        heading, row = self.rows("/orders/export.csv?state=completed")

        assert heading[:2] == ["Order", "Placed"]
        assert row[0] == str(order.pk)
        assert row[8] == "1"

    def test_speaks_as_its_reader_does(self) -> None:
        alice = scene.alice()
        alice.language, alice.time_zone = "vi", "Asia/Ho_Chi_Minh"
        alice.save(update_fields=["language", "time_zone"])
        scene.order(Status.COMPLETED)

        heading, row = self.rows()

        assert heading[:2] == ["Đơn hàng", "Đặt lúc"]
        assert row[1].endswith("+07:00")
        assert row[10] == "Hoàn thành"

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
    def test_holds_no_formula(self, name: str) -> None:
        scene.placed(scene.relayed(name=name))

        [_, row] = self.rows()

        assert row[3] == f"'{name}"

    def test_is_a_file_of_its_own(self) -> None:
        response = get("/orders/export.csv")

        assert "attachment" in response["Content-Disposition"]
