from __future__ import annotations

from relaypanel.dashboard.ticket_forms import Opening
from relaypanel.tickets import desk, pictures


class TestRefuse:
    def test_puts_it_beside_its_field_or_above_all(self) -> None:
        form = Opening({"subject": "so", "text": "so"})
        assert form.is_valid()

        form.refuse(pictures.NotAPicture())
        form.refuse(desk.TooManyTickets())

        assert form.errors.keys() == {"pictures", "__all__"}

    def test_names_all_orders_that_are_not_there(self) -> None:
        form = Opening({"subject": "so", "text": "so"})
        assert form.is_valid()

        form.refuse(desk.UnknownOrders(order_ids=[7, 9]))

        assert form.errors["orders"] == ["You have no orders 7, 9."]
