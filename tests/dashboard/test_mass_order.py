from __future__ import annotations

import re
from typing import Any

import pytest

from relaypanel import money
from relaypanel.ledger import book
from relaypanel.orders import mass
from relaypanel.orders.models import Order
from tests import cast
from tests.dashboard.browser import signed_in
from tests.orders import scene
from tests.orders.scene import LINK

pytestmark = pytest.mark.django_db


def post(**fields: Any) -> Any:
    return signed_in(scene.alice()).post("/mass-order", fields)


def confirmed(preview: Any) -> dict[str, str]:
    """Return what the second form of the preview sends."""
    context = preview.context
    return {
        "lines": context["good_lines"],
        "prices": context["prices"],
        "client_ref": context["client_ref"],
    }


class TestPage:
    def test_explains_itself(self) -> None:
        page = signed_in(scene.alice()).get("/mass-order").content.decode()

        assert "service ID | link | quantity" in page

    def test_shows_each_verdict_and_the_total_before_anything_is_paid(self) -> None:
        service = cast.service(rate="1")

        response = post(lines=f"{service.pk} | {LINK} | 1000\nnonsense\n{service.pk}|{LINK}|500")

        assert money.text(response.context["total_e8"]) == "1.5"
        assert (response.context["good_count"], response.context["bad_count"]) == (2, 1)
        assert not Order.objects.exists()

    def test_places_what_was_shown(self) -> None:
        service = cast.service(rate="1")
        preview = post(lines=f"{service.pk} | {LINK} | 1000\nnonsense")

        response = post(**confirmed(preview))

        [order] = Order.objects.all()
        assert response.context["orders"] == [order]
        assert f"/orders/{order.pk}" in response.content.decode()
        assert money.text(book.balance(scene.alice().pk)) == "999"

    def test_buys_once_however_often_it_is_sent(self) -> None:
        service = cast.service(rate="1")
        form = confirmed(post(lines=f"{service.pk} | {LINK} | 1000"))

        first, second = post(**form), post(**form)

        assert first.context["orders"] == second.context["orders"]
        assert Order.objects.count() == 1

    def test_leaves_in_the_box_what_was_not_ordered(self) -> None:
        service = cast.service(rate="1")
        form = confirmed(post(lines=f"{service.pk} | {LINK} | 1000"))
        service.rate_e8 *= 2
        service.save(update_fields=["rate_e8"])

        response = post(**form)

        assert not Order.objects.exists()
        assert response.context["text"] == form["lines"]
        assert re.search(r"The price is \$2.00 now", response.content.decode())

    def test_says_when_there_are_too_many_lines(self) -> None:
        response = post(lines="x\n" * (mass.LINES_MAX + 1))

        assert "At most 500 lines at once." in response.content.decode()

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"lines": ""},
            {"lines": "\x00|\x00|1"},
            {"lines": "1", "prices": "1,2", "client_ref": "page:12345678"},
            {"lines": "1", "prices": "x", "client_ref": "page:12345678"},
            {"lines": "1", "prices": "9" * 19, "client_ref": "x"},
        ],
    )
    def test_takes_anything(self, fields: dict[str, str]) -> None:
        assert post(**fields).status_code == 200
        assert not Order.objects.exists()
