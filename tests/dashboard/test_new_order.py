from __future__ import annotations

import re
from typing import Any

import pytest

from relaypanel import money
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.contract import TYPES, OrderType
from relaypanel.ledger import book
from relaypanel.orders.models import Order
from tests import cast
from tests.dashboard.browser import queries, signed_in
from tests.orders import scene
from tests.orders.scene import LINK
from tests.shop import SAMPLES

pytestmark = pytest.mark.django_db


def get(path: str) -> Any:
    return signed_in(scene.alice()).get(path)


def post(path: str = "/new-order", **fields: Any) -> Any:
    return signed_in(scene.alice()).post(path, fields)


def filled(service: Service, **fields: Any) -> dict[str, Any]:
    usual = {"service": service.pk, "client_ref": "page:12345678", "link": LINK}
    return usual | {"quantity": "1000"} | fields


def hidden(response: Any, name: str) -> str | None:
    """Return what the form sends beside what people fill in."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return found[1] if found else None


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["form"].errors)


class TestPage:
    def test_leads_to_the_first_service(self) -> None:
        service = cast.service()

        page = get("/new-order").content.decode()

        assert service.name in page
        assert service.category.name in page

    def test_says_when_nothing_is_for_sale(self) -> None:
        assert "Nothing is for sale yet" in get("/new-order").content.decode()

    @pytest.mark.parametrize("order_type", list(OrderType))
    def test_has_exactly_the_fields_of_the_type(self, order_type: OrderType) -> None:
        service = cast.service(type=order_type)
        spec = TYPES[order_type]

        form = get(f"/new-order?service={service.pk}").context["form"]

        assert list(form.fields) == [*spec.needed, *spec.optional]

    def test_offers_a_drip_feed_where_the_service_does(self) -> None:
        service = cast.service(dripfeed=True)

        form = get(f"/new-order?service={service.pk}").context["form"]

        assert list(form.fields)[-2:] == ["runs", "interval"]

    def test_finds_services(self) -> None:
        service = cast.service(name="Mắt livestream")
        cast.service(name="Other")

        found = get("/new-order?q=livestream").context["found"]

        assert [one.id for one in found] == [service.pk]

    def test_drops_the_service_when_another_category_is_chosen(self) -> None:
        service = cast.service()

        assert get(f"/new-order?service={service.pk}&category=77").context["item"] is None

    def test_fills_in_an_earlier_order(self) -> None:
        order = scene.drip_feed()

        response = get(f"/new-order?again={order.pk}")

        form = response.context["form"]
        assert form["link"].value() == order.link
        assert (form["runs"].value(), form["interval"].value()) == ("3", "30")
        assert hidden(response, "price") == str(order.charge_e8)

    def test_fills_in_nobody_elses(self) -> None:
        order = scene.placed_by(cast.bob(balance="10").user, scene.relayed())

        assert get(f"/new-order?again={order.pk}").status_code == 404

    def test_says_when_the_service_of_an_earlier_order_is_gone(self) -> None:
        order = scene.order()
        Service.objects.update(visibility=Visibility.DISABLED)

        assert "not for sale now" in get(f"/new-order?again={order.pk}").content.decode()

    @pytest.mark.parametrize(
        "query",
        ["service=x", "service=" + "9" * 19, "platform=-1", "category=%00", "q=%00", "again=x"],
    )
    def test_takes_any_query(self, query: str) -> None:
        cast.service()

        assert get(f"/new-order?{query}").status_code == 200

    def test_asks_the_same_queries_for_any_number_of_services(self) -> None:
        client, service = signed_in(scene.alice()), cast.service()
        path = f"/new-order?service={service.pk}&q=service"
        few = queries(client, path)
        for _ in range(12):
            cast.service()

        assert queries(client, path) == few <= 23


class TestQuote:
    def test_tells_the_exact_charge(self) -> None:
        response = post("/new-order/quote", **filled(cast.service(rate="0.27819"), quantity="777"))

        assert "$0.21615363" in response.content.decode()
        assert hidden(response, "price") == "21615363"

    def test_needs_no_link_yet(self) -> None:
        response = post("/new-order/quote", **filled(cast.service(rate="1"), link=""))

        assert hidden(response, "price") == str(money.ONE_E8)

    def test_says_what_is_wrong_and_waits_for_what_is_missing(self) -> None:
        service = cast.service()

        wrong = post("/new-order/quote", **filled(service, quantity="1"))
        missing = post("/new-order/quote", **filled(service, quantity=""))

        assert "Order at least 10." in wrong.content.decode()
        assert "field-error" not in missing.content.decode()
        assert hidden(wrong, "price") is hidden(missing, "price") is None

    def test_tells_what_is_lacking(self) -> None:
        page = post("/new-order/quote", **filled(cast.service(rate="1500"))).content.decode()

        assert "Add $500.00 first." in page
        assert "/funds" in page

    def test_knows_no_service_that_is_not_sold(self) -> None:
        service = cast.service(visibility=Visibility.HIDDEN)

        assert post("/new-order/quote", **filled(service)).status_code == 404

    def test_writes_nothing(self) -> None:
        post("/new-order/quote", **filled(cast.service()))

        assert not Order.objects.exists()


class TestOrder:
    def test_is_placed_at_the_price_that_was_shown(self) -> None:
        service = cast.service(rate="1")

        response = post(**filled(service, price=str(money.ONE_E8)))

        order = Order.objects.get()
        assert response["Location"] == f"/orders/{order.pk}"
        assert (order.link, order.quantity) == (LINK, 1000)
        assert money.text(book.balance(scene.alice().pk)) == "999"

    @pytest.mark.parametrize("order_type", list(OrderType))
    def test_takes_each_type(self, order_type: OrderType) -> None:
        service = cast.service(type=order_type, rate="1", min=1)
        fields: dict[str, Any] = {"link": LINK} | SAMPLES[order_type]

        post(service=service.pk, client_ref="page:12345678", price=str(10**12), **fields)

        assert Order.objects.get().type == order_type

    def test_buys_once_however_often_it_is_sent(self) -> None:
        form = filled(cast.service(rate="1"), price=str(money.ONE_E8))

        first, second = post(**form), post(**form)

        assert first["Location"] == second["Location"]
        assert Order.objects.count() == 1

    def test_shows_the_price_to_who_has_not_seen_one(self) -> None:
        response = post(**filled(cast.service(rate="1")))

        assert not Order.objects.exists()
        assert hidden(response, "price") == str(money.ONE_E8)
        assert hidden(response, "client_ref") == "page:12345678"

    def test_is_not_placed_above_the_price_that_was_shown(self) -> None:
        service = cast.service(rate="1")

        response = post(**filled(service, price=str(money.ONE_E8 - 1)))

        assert not Order.objects.exists()
        assert "The price is $1.00 now" in errors(response)["__all__"][0]
        assert hidden(response, "price") == str(money.ONE_E8)

    @pytest.mark.parametrize(
        ("fields", "place"),
        [
            ({"link": "nonsense"}, "link"),
            ({"quantity": "1"}, "quantity"),
            ({"quantity": "99999999"}, "quantity"),
            ({"quantity": ""}, "quantity"),
            ({"runs": "2"}, "interval"),
        ],
    )
    def test_says_what_is_wrong_beside_its_field(self, fields: dict[str, str], place: str) -> None:
        service = cast.service(rate="1", dripfeed=True)

        response = post(**filled(service, price=str(10**12), **fields))

        assert list(errors(response)) == [place]
        assert not Order.objects.exists()

    def test_says_beside_the_list_what_is_wrong_with_its_number(self) -> None:
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=5)

        response = post(**filled(service, price=str(10**12), comments="a\nb"))

        assert list(errors(response)) == ["comments"]

    def test_asks_again_under_a_new_name_when_the_old_one_bought_something_else(self) -> None:
        form = filled(cast.service(rate="1"), price=str(10**12))
        post(**form)

        response = post(**form | {"quantity": "2000"})

        assert Order.objects.count() == 1
        assert hidden(response, "client_ref") != "page:12345678"

    def test_is_told_in_vietnamese_too(self) -> None:
        client = signed_in(scene.alice())
        client.cookies["django_language"] = "vi"

        response = client.post("/new-order", filled(cast.service(), quantity="1", price="1"))

        assert errors(response)["quantity"] == ["Đặt ít nhất 10."]

    def test_sends_away_from_a_service_that_is_gone(self) -> None:
        service = cast.service(visibility=Visibility.DISABLED)

        assert post(**filled(service, price="1"))["Location"] == "/new-order"

    @pytest.mark.parametrize("ref", ["", "x", "\x00", "page:" + "x" * 90])
    def test_takes_no_name_of_somebodys_own(self, ref: str) -> None:
        post(**filled(cast.service(rate="1"), price=str(10**12), client_ref=ref))

        assert (Order.objects.get().client_ref or "").startswith("page:")
