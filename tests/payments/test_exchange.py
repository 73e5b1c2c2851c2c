from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.payments import exchange

AMOUNTS = st.integers(1, money.MAX_E8)
RATES = st.integers(1, 10**14)


class TestOwed:
    @pytest.mark.parametrize(
        ("amount", "rate", "currency", "owed"),
        [
            ("10", "25400", "VND", "254000"),
            ("10.01", "25412.5", "VND", "254380"),
            ("0.01", "0.92", "EUR", "0.01"),
            ("7", "1", "USD", "7"),
        ],
    )
    def test_goes_up_to_the_next_coin(
        self, amount: str, rate: str, currency: str, owed: str
    ) -> None:
        assert exchange.owed_e8(
            money.parse(amount), per_unit_e8=money.parse(rate), currency=currency
        ) == money.parse(owed)

    @given(amount_e8=AMOUNTS, per_unit_e8=RATES, currency=st.sampled_from(("VND", "EUR")))
    def test_is_never_too_little_nor_a_coin_too_much(
        self, amount_e8: int, per_unit_e8: int, currency: str
    ) -> None:
        owed_e8 = exchange.owed_e8(amount_e8, per_unit_e8=per_unit_e8, currency=currency)

        coin_e8 = money.ONE_E8 if currency == "VND" else money.ONE_E8 // 100
        exact = Fraction(amount_e8 * per_unit_e8, money.ONE_E8)
        assert owed_e8 % coin_e8 == 0
        assert exact <= owed_e8 < exact + coin_e8


class TestAbout:
    @pytest.mark.parametrize(
        ("amount", "about"), [("0.00001", "0"), ("0.00003", "1"), ("1", "25400"), ("0", "0")]
    )
    def test_goes_to_the_nearest_coin(self, amount: str, about: str) -> None:
        assert exchange.about_e8(
            money.parse(amount), per_unit_e8=money.parse("25400"), currency="VND"
        ) == money.parse(about)


class TestShare:
    @given(base_e8=AMOUNTS, share_bp=st.integers(0, 10_000))
    def test_is_rounded_down_and_never_more_than_the_whole(
        self, base_e8: int, share_bp: int
    ) -> None:
        exact = Fraction(base_e8 * share_bp, 10_000)

        assert exact - 1 < exchange.share_e8(base_e8, share_bp=share_bp) <= exact
