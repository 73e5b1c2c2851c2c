from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money

amounts_e8 = st.integers(min_value=0, max_value=money.MAX_E8)
rates_e8 = st.integers(min_value=0, max_value=10**12).map(lambda steps: steps * money.RATE_STEP_E8)
quantities = st.integers(min_value=0, max_value=10**9)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "amount_e8"),
        [
            ("0", 0),
            ("0.27819", 27_819_000),
            ("1", 100_000_000),
            ("100.84292", 10_084_292_000),
            ("007.50", 750_000_000),
            ("0.00000001", 1),
            ("87654321098.76543", 8_765_432_109_876_543_000),
            ("90000000000", money.MAX_E8),
        ],
    )
    def test_reads_plain_decimals(self, text: str, amount_e8: int) -> None:
        assert money.parse(text) == amount_e8

    @pytest.mark.parametrize(
        "text",
        [
            *("", " 1", "1 ", "1\n", "-1", "+1", "1e3", "1_000", "1,000", "1,5", ".5", "1.", "0x1"),
            *("1.2.3", "NaN", "Infinity", "１２", "²", "٣", "1\x00", "0.000000001", "9" * 4301),
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        with pytest.raises(ValueError, match="not an amount"):
            money.parse(text)

    @pytest.mark.parametrize("text", ["90000000000.00000001", "99999999999"])
    def test_refuses_more_than_an_account_can_hold(self, text: str) -> None:
        with pytest.raises(ValueError, match="larger than an account can hold"):
            money.parse(text)

    @given(text=st.text())
    def test_raises_nothing_but_value_error(self, text: str) -> None:
        try:
            amount_e8 = money.parse(text)
        except ValueError:
            return

        assert money.ONE_E8 * Decimal(text) == amount_e8


class TestText:
    @pytest.mark.parametrize(
        ("amount_e8", "text"),
        [
            (0, "0"),
            (27_819_000, "0.27819"),
            (100_000_000, "1"),
            (150_000_000, "1.5"),
            (1, "0.00000001"),
            (1_000_000_000, "10"),
            (-1, "-0.00000001"),
            (-250_000_000, "-2.5"),
        ],
    )
    def test_is_short_and_exact(self, amount_e8: int, text: str) -> None:
        assert money.text(amount_e8) == text

    @given(amount_e8=amounts_e8)
    def test_is_read_back_as_the_same_amount(self, amount_e8: int) -> None:
        assert money.parse(money.text(amount_e8)) == amount_e8

    @given(amount_e8=amounts_e8)
    def test_mirrors_a_negative_amount(self, amount_e8: int) -> None:
        negative = money.text(-amount_e8)

        assert negative == (f"-{money.text(amount_e8)}" if amount_e8 else "0")


class TestPrice:
    def test_is_the_rate_for_each_thousand(self) -> None:
        assert money.price(rate_e8=90_000_000, quantity=150, rate_per=1000) == 13_500_000

    def test_is_the_rate_for_each_piece(self) -> None:
        assert money.price(rate_e8=90_000_000, quantity=3, rate_per=1) == 270_000_000

    @given(rate_e8=rates_e8, quantity=quantities, rate_per=st.sampled_from((1, 1000)))
    def test_is_never_rounded(self, rate_e8: int, quantity: int, rate_per: int) -> None:
        price_e8 = money.price(rate_e8=rate_e8, quantity=quantity, rate_per=rate_per)

        assert price_e8 == Fraction(rate_e8) * quantity / rate_per

    @given(rate_e8=rates_e8, quantity=quantities, data=st.data())
    def test_of_the_parts_is_that_of_the_whole(
        self, rate_e8: int, quantity: int, data: st.DataObject
    ) -> None:
        delivered = data.draw(st.integers(min_value=0, max_value=quantity))

        parts = [
            money.price(rate_e8=rate_e8, quantity=part, rate_per=1000)
            for part in (delivered, quantity - delivered)
        ]

        assert sum(parts) == money.price(rate_e8=rate_e8, quantity=quantity, rate_per=1000)

    @pytest.mark.parametrize(
        "wrong",
        [{"rate_e8": -1000}, {"rate_e8": 1}, {"quantity": -1}, {"rate_per": 100}],
        ids=str,
    )
    def test_takes_nothing_that_could_leave_a_rest(self, wrong: dict[str, int]) -> None:
        with pytest.raises(AssertionError):
            money.price(**{"rate_e8": 1000, "quantity": 1, "rate_per": 1000} | wrong)


class TestRate:
    @pytest.mark.parametrize(
        ("rate_e8", "percent", "expected_e8"),
        [
            (90_000_000, "100", 90_000_000),
            (90_000_000, "125", 112_500_000),
            (90_000_000, "97.5", 87_750_000),
            (3_000, "50", 2_000),  # 1.5 steps: a half goes up
            (3_000, "49", 1_000),
            (90_000_000, "0", 0),
            (0, "125", 0),
        ],
    )
    def test_is_a_percentage_in_whole_steps(
        self, rate_e8: int, percent: str, expected_e8: int
    ) -> None:
        assert money.rate(rate_e8=rate_e8, percent=Decimal(percent)) == expected_e8

    def test_never_becomes_free(self) -> None:
        assert money.rate(rate_e8=1_000, percent=Decimal("0.01")) == money.RATE_STEP_E8

    @given(
        rate_e8=rates_e8,
        percent=st.decimals(min_value=0, max_value=1000, places=2),
    )
    def test_is_within_half_a_step_of_the_exact_percentage(
        self, rate_e8: int, percent: Decimal
    ) -> None:
        found_e8 = money.rate(rate_e8=rate_e8, percent=percent)

        exact_e8 = Fraction(rate_e8) * Fraction(percent) / 100
        assert found_e8 % money.RATE_STEP_E8 == 0
        if found_e8 > money.RATE_STEP_E8:
            assert abs(found_e8 - exact_e8) * 2 <= money.RATE_STEP_E8

    @pytest.mark.parametrize(("rate_e8", "percent"), [(-1000, "100"), (1000, "-1")])
    def test_takes_nothing_negative(self, rate_e8: int, percent: str) -> None:
        with pytest.raises(AssertionError):
            money.rate(rate_e8=rate_e8, percent=Decimal(percent))
