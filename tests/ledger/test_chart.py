from __future__ import annotations

import pytest

from relaypanel.ledger import chart
from relaypanel.ledger.models import Account


class TestCustomer:
    def test_has_the_number_of_its_user(self) -> None:
        assert chart.customer(7) == 7

    def test_never_takes_the_number_of_a_house(self) -> None:
        with pytest.raises(AssertionError):
            chart.customer(chart.SALES)


class TestHouses:
    @pytest.mark.django_db
    def test_are_open_from_the_start_and_carry_no_balance(self) -> None:
        houses = Account.objects.filter(user=None, balance_e8=None).values_list("pk", flat=True)

        assert set(houses) == set(chart.HOUSES)
