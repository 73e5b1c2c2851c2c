from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.dashboard.templatetags import orders
from relaypanel.orders import mass, standing, types
from relaypanel.orders.models import Order, Status
from tests.orders import scene
from tests.orders.scene import NOW


class TestTarget:
    @pytest.mark.parametrize(
        ("link", "target"),
        [
            ("https://www.example.com/a", "example.com/a"),
            ("http://example.com", "example.com"),
            ("example.com/a", "example.com/a"),
            ("", "an"),
        ],
    )
    def test_is_short(self, link: str, target: str) -> None:
        assert orders.target(Order(link=link, fields={"username": "an"})) == target


class TestHref:
    def test_is_what_a_browser_follows(self) -> None:
        assert orders.href(Order(link="example.com/a")) == "https://example.com/a"
        assert orders.href(Order(link="http://example.com/a")) == "http://example.com/a"


class TestRefusalInFull:
    def test_names_the_field(self) -> None:
        words = orders.refusal_in_full(types.QuantityTooSmall(minimum=10))

        assert words == "Quantity: Order at least 10."

    def test_names_none_where_there_is_none(self) -> None:
        words = orders.refusal_in_full(mass.UnreadableLine(form="a"))

        assert words == "A line for this service looks like this: a"


class TestFieldFacts:
    def test_name_what_was_filled_in(self) -> None:
        order = Order(type=OrderType.POLL, fields={"answer_number": "2"})

        assert orders.field_facts(order) == [("Number of the answer", "2")]


@pytest.mark.django_db
class TestCancelPromise:
    def promise(self, order: Order) -> str:
        order = Order.objects.select_related("service").get(pk=order.pk)
        [one] = standing.of([order], now=NOW)
        return orders.cancel_promise(one)

    def test_tells_what_comes_back_at_once(self) -> None:
        words = self.promise(scene.order())

        assert words == "The delivery has not begun: the order ends now and $1.00 comes back."

    def test_tells_what_comes_back_at_the_most(self) -> None:
        assert "$1.00 at the most" in self.promise(scene.order(Status.IN_PROGRESS))

    def test_tells_of_the_runs_that_are_left(self) -> None:
        feed = scene.drip_feed()
        scene.make_runs(feed, 1)

        assert f"${money.text(2 * 10**8)}.00 comes back at once" in self.promise(feed)
