from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import amounts, money

MINUS = "\N{MINUS SIGN}"


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("0", "$0.00"),
            ("1284.56", "$1,284.56"),
            ("0.5", "$0.50"),
            ("0.27819", "$0.27819"),
            ("87654321098.76543", "$87,654,321,098.76543"),
        ],
    )
    def test_shows_every_digit_and_at_least_two(self, text: str, shown: str) -> None:
        assert amounts.amount(money.parse(text), currency="USD") == shown

    @pytest.mark.parametrize(
        ("text", "currency", "shown"),
        [
            ("12760.294618", "USD", "$12,760.29"),
            ("0.009", "USD", "$0.00"),
            ("1.999", "USD", "$1.99"),
            ("25400.5", "VND", "₫25,400"),
        ],
    )
    def test_is_brief_and_never_more_than_there_is(
        self, text: str, currency: str, shown: str
    ) -> None:
        assert amounts.brief(money.parse(text), currency=currency) == shown

    def test_puts_the_minus_before_the_sign_of_the_currency(self) -> None:
        assert amounts.amount(-money.ONE_E8, currency="USD") == f"{MINUS}$1.00"

    def test_shows_no_cents_where_there_are_none(self) -> None:
        assert amounts.amount(25_000 * money.ONE_E8, currency="VND") == "₫25,000"

    def test_names_a_currency_that_has_no_sign(self) -> None:
        assert amounts.amount(money.ONE_E8, currency="SEK") == "1.00\N{NARROW NO-BREAK SPACE}SEK"

    @given(st.integers(0, money.MAX_E8))
    def test_can_be_read_back_to_the_last_digit(self, amount_e8: int) -> None:
        shown = amounts.amount(amount_e8, currency="USD")

        assert money.parse(shown.removeprefix("$").replace(",", "")) == amount_e8


class TestPercent:
    @given(st.integers(0, 10**9), st.integers(1, 10**9))
    def test_is_a_hundred_when_all_is_there_and_only_then(self, part: int, whole: int) -> None:
        assert (amounts.percent(part, whole) == 100) == (part >= whole)

    def test_of_nothing_is_nothing(self) -> None:
        assert amounts.percent(0, 0) == 0


class TestTrend:
    @pytest.mark.parametrize(
        ("now", "before", "shown"),
        [(1081, 1000, "+8.1%"), (1000, 1000, "+0.0%"), (500, 1000, f"{MINUS}50.0%")],
    )
    def test_compares_with_the_time_before(self, now: int, before: int, shown: str) -> None:
        assert amounts.trend(now, before) == shown

    def test_says_nothing_where_there_was_nothing(self) -> None:
        assert amounts.trend(5, 0) is None
