from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.catalogue import rates

_RATES_E8 = st.integers(0, money.MAX_E8 // money.RATE_STEP_E8).map(
    lambda steps: steps * money.RATE_STEP_E8
)
_DISCOUNTS_E2 = st.integers(0, 10_000)


class TestEffective:
    def test_is_the_service_rate_when_nothing_was_agreed(self) -> None:
        rate_e8 = rates.effective(rate_e8=90_000_000, user_rate_e8=None, discount_percent_e2=None)

        assert rate_e8 == 90_000_000

    def test_takes_the_discount_off(self) -> None:
        rate_e8 = rates.effective(rate_e8=90_000_000, user_rate_e8=None, discount_percent_e2=850)

        assert rate_e8 == money.parse("0.8235")

    def test_puts_the_agreed_rate_above_the_discount(self) -> None:
        rate_e8 = rates.effective(
            rate_e8=90_000_000, user_rate_e8=95_000_000, discount_percent_e2=5_000
        )

        assert rate_e8 == 95_000_000

    def test_takes_an_agreed_rate_of_nothing_at_its_word(self) -> None:
        assert rates.effective(rate_e8=1_000, user_rate_e8=0, discount_percent_e2=None) == 0

    def test_is_free_when_the_user_is_let_off_everything(self) -> None:
        assert rates.effective(rate_e8=1_000, user_rate_e8=None, discount_percent_e2=10_000) == 0

    def test_never_rounds_the_last_step_away(self) -> None:
        assert rates.effective(rate_e8=1_000, user_rate_e8=None, discount_percent_e2=9_999) == 1_000

    @given(rate_e8=_RATES_E8, percent_e2=_DISCOUNTS_E2)
    def test_rounds_half_up_to_five_decimals(self, rate_e8: int, percent_e2: int) -> None:
        found_e8 = rates.effective(
            rate_e8=rate_e8, user_rate_e8=None, discount_percent_e2=percent_e2
        )

        assert found_e8 == _by_fractions(rate_e8, percent_e2)

    @given(rate_e8=_RATES_E8, percent_e2=_DISCOUNTS_E2)
    def test_never_costs_more_than_without_the_discount(
        self, rate_e8: int, percent_e2: int
    ) -> None:
        found_e8 = rates.effective(
            rate_e8=rate_e8, user_rate_e8=None, discount_percent_e2=percent_e2
        )

        assert 0 <= found_e8 <= rate_e8
        assert (found_e8 == 0) == (rate_e8 == 0 or percent_e2 == 10_000)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "rate_e8"),
        [("1.5", 150_000_000), ("0.00001", 1_000), ("0", 0), ("1.5000000", 150_000_000)],
    )
    def test_reads_plain_text(self, text: str, rate_e8: int) -> None:
        assert rates.parse(text) == rate_e8

    @pytest.mark.parametrize("text", ["", "-1", "1,5", "1e3", "0.000001", "99999999999999"])
    def test_refuses_what_is_no_rate(self, text: str) -> None:
        with pytest.raises(rates.BadRate):
            rates.parse(text)


def _by_fractions(rate_e8: int, percent_e2: int) -> int:
    exact = Fraction(rate_e8) * (10_000 - percent_e2) / 10_000
    steps = (exact / money.RATE_STEP_E8 + Fraction(1, 2)).__floor__()
    if exact > 0:
        steps = max(steps, 1)
    return steps * money.RATE_STEP_E8
