from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.payments import currencies

pytestmark = pytest.mark.django_db


class TestAbout:
    def test_follows_the_rate_that_its_owner_gave_last(self) -> None:
        currencies.set_rate(code="VND", per_unit_e8=money.parse("25000"))
        currencies.set_rate(code="VND", per_unit_e8=money.parse("25400"))

        assert currencies.about_e8(money.parse("2"), code="VND") == money.parse("50800")
        assert currencies.all_codes() == ["VND"]

    def test_is_nothing_without_a_rate(self) -> None:
        assert currencies.about_e8(1, code="EUR") is None
