from __future__ import annotations

from typing import Any

import pytest

from relaypanel.catalogue import search
from relaypanel.catalogue.search import Found
from relaypanel.contract import FIELDS, OrderType
from relaypanel.dashboard import order_form
from relaypanel.dashboard.order_form import OrderForm
from tests import cast

pytestmark = pytest.mark.django_db


def sold(**settings: Any) -> Found:
    """Return a new service as its buyer finds it."""
    found = search.one(service_id=cast.service(**settings).pk, user_id=None)
    assert found is not None
    return found


class TestLabel:
    @pytest.mark.parametrize("name", list(FIELDS))
    def test_exists_for_each_field_of_the_wire(self, name: str) -> None:
        assert order_form.label(name)


class TestNewRef:
    def test_names_one_form_alone(self) -> None:
        assert order_form.new_ref() != order_form.new_ref()
        assert order_form.new_ref().startswith(order_form.REF_PREFIX)


class TestOrderForm:
    def test_gives_the_text_as_it_was_typed(self) -> None:
        service = sold(type=OrderType.CUSTOM_COMMENTS)

        form = OrderForm(service, {"link": " x ", "comments": "a\n b ", "other": "1"})

        assert form.raw == {"link": " x ", "comments": "a\n b "}

    def test_says_of_a_list_that_its_lines_are_counted(self) -> None:
        counted = OrderForm(sold(type=OrderType.CUSTOM_COMMENTS), None)
        beside = OrderForm(sold(type=OrderType.MENTIONS), None)

        assert "quantity" in str(counted.fields["comments"].help_text)
        assert "quantity" not in str(beside.fields["usernames"].help_text)

    @pytest.mark.parametrize(
        ("order_type", "name", "place"),
        [
            (OrderType.DEFAULT, "quantity", "quantity"),
            (OrderType.COMMENT_REPLIES, "quantity", "comments"),
            (OrderType.MENTIONS_CUSTOM_LIST, "quantity", "usernames"),
            (OrderType.SUBSCRIPTIONS, "quantity", "max"),
            (OrderType.PACKAGE, "quantity", "__all__"),
            (OrderType.DEFAULT, "", "__all__"),
        ],
    )
    def test_puts_a_refusal_where_people_look(
        self, order_type: OrderType, name: str, place: str
    ) -> None:
        form = OrderForm(sold(type=order_type), {})

        form.refuse(name, "No.")

        assert dict(form.errors) == {place: ["No."]}
