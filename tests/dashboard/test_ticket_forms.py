from __future__ import annotations

import pytest

from relaypanel import errors
from relaypanel.dashboard import ticket_forms
from relaypanel.dashboard.ticket_forms import Opening
from relaypanel.tickets import desk, pictures, thread


def refusals() -> list[type[errors.Refused]]:
    """Return all refusals that a customer's ticket can meet."""
    found = []
    for module in (desk, pictures, thread):
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, errors.Refused)
            and value.__module__ == module.__name__
        ]
    # The pages answer these two by themselves.
    return [one for one in found if one not in (thread.NoSuchTicket, desk.AlreadyClosed)]


class TestRefuse:
    @pytest.mark.parametrize("refusal", refusals())
    def test_has_words_for_every_refusal(self, refusal: type[errors.Refused]) -> None:
        form = Opening({"subject": "so", "text": "so"})
        assert form.is_valid()
        refused = (
            desk.UnknownOrders(order_ids=[1, 2]) if refusal is desk.UnknownOrders else refusal()
        )

        form.refuse(refused)

        assert not form.is_valid()

    def test_says_how_many_orders_the_domain_takes(self) -> None:
        _, words = ticket_forms._WORDS[desk.TooManyOrders]

        assert str(desk.ORDERS_MAX) in str(words)

    def test_names_all_orders_that_are_not_there(self) -> None:
        form = Opening({"subject": "so", "text": "so"})
        assert form.is_valid()

        form.refuse(desk.UnknownOrders(order_ids=[7, 9]))

        assert form.errors["orders"] == ["You have no orders 7, 9."]
