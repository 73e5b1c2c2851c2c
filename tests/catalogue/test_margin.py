from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.catalogue import margin

RATES_E8 = st.one_of(st.integers(0, 10**6), st.integers(0, money.MAX_E8))
TO_PANEL_E8 = st.one_of(st.none(), st.integers(1, 10**4), st.integers(1, 10**13))
PERCENTS_E2 = st.one_of(st.just(0), st.integers(0, 1_000_000))
FIXED_E8 = st.one_of(st.just(0), st.integers(0, 10**11))
QUANTITIES = st.integers(0, 2**31 - 1)
RATE_PER = st.sampled_from((1, 1000))


class TestCost:
    @pytest.mark.parametrize(
        ("rate", "to_panel", "quantity", "cost"),
        [
            ("0.9", None, 1000, "0.9"),
            ("0.9", None, 1, "0.0009"),
            ("0.00001", None, 1, "0.00000001"),
            ("25000", "0.00004", 500, "0.5"),
        ],
    )
    def test_is_what_the_provider_takes(
        self, rate: str, to_panel: str | None, quantity: int, cost: str
    ) -> None:
        cost_e8 = margin.cost(
            rate_e8=money.parse(rate),
            rate_to_panel_e8=None if to_panel is None else money.parse(to_panel),
            quantity=quantity,
            rate_per=1000,
        )

        assert money.text(cost_e8) == cost

    @given(rate_e8=RATES_E8, to_panel_e8=TO_PANEL_E8, quantity=QUANTITIES, rate_per=RATE_PER)
    def test_is_rounded_up_to_a_whole_e8(
        self, rate_e8: int, to_panel_e8: int | None, quantity: int, rate_per: int
    ) -> None:
        cost_e8 = margin.cost(
            rate_e8=rate_e8, rate_to_panel_e8=to_panel_e8, quantity=quantity, rate_per=rate_per
        )

        assert cost_e8 == ceil(_in_panel(rate_e8, to_panel_e8) * quantity / rate_per)


class TestPrice:
    @pytest.mark.parametrize(
        ("rate", "percent_e2", "fixed", "price"),
        [
            ("0.9", 2_000, "0", "1.08"),
            ("15000", 0, "0", "15000"),
            ("0.12345678", 0, "0", "0.12346"),
            ("0.12341001", 0, "0", "0.12342"),
            ("0.00001", 1, "0", "0.00002"),
            ("1", 1_250, "0.5", "1.625"),
            ("1", 0, "0.00000001", "1.00001"),
        ],
    )
    def test_adds_the_markup(self, rate: str, percent_e2: int, fixed: str, price: str) -> None:
        price_e8 = margin.price(
            rate_e8=money.parse(rate),
            rate_to_panel_e8=None,
            percent_e2=percent_e2,
            fixed_e8=money.parse(fixed),
        )

        assert money.text(price_e8) == price

    @given(rate_e8=RATES_E8, to_panel_e8=TO_PANEL_E8, percent_e2=PERCENTS_E2, fixed_e8=FIXED_E8)
    def test_is_the_least_rate_that_is_not_below_it(
        self, rate_e8: int, to_panel_e8: int | None, percent_e2: int, fixed_e8: int
    ) -> None:
        exact = _in_panel(rate_e8, to_panel_e8) * Fraction(10_000 + percent_e2, 10_000) + fixed_e8

        price_e8 = margin.price(
            rate_e8=rate_e8,
            rate_to_panel_e8=to_panel_e8,
            percent_e2=percent_e2,
            fixed_e8=fixed_e8,
        )

        assert price_e8 % money.RATE_STEP_E8 == 0
        assert price_e8 - money.RATE_STEP_E8 < exact <= price_e8

    @given(
        rate_e8=RATES_E8,
        to_panel_e8=TO_PANEL_E8,
        percent_e2=PERCENTS_E2,
        quantity=QUANTITIES,
        rate_per=RATE_PER,
    )
    def test_covers_the_cost_of_every_quantity(
        self,
        rate_e8: int,
        to_panel_e8: int | None,
        percent_e2: int,
        quantity: int,
        rate_per: int,
    ) -> None:
        price_e8 = margin.price(
            rate_e8=rate_e8, rate_to_panel_e8=to_panel_e8, percent_e2=percent_e2, fixed_e8=0
        )

        charge_e8 = money.price(rate_e8=price_e8, quantity=quantity, rate_per=rate_per)
        cost_e8 = margin.cost(
            rate_e8=rate_e8, rate_to_panel_e8=to_panel_e8, quantity=quantity, rate_per=rate_per
        )

        assert margin.covers(cost_e8=cost_e8, charge_e8=charge_e8)


class TestCovers:
    @pytest.mark.parametrize(
        ("cost_e8", "covers"), [(0, True), (9_999, True), (10_000, True), (10_001, False)]
    )
    def test_stops_at_the_charge(self, cost_e8: int, covers: bool) -> None:
        assert margin.covers(cost_e8=cost_e8, charge_e8=10_000) is covers


def _in_panel(rate_e8: int, to_panel_e8: int | None) -> Fraction:
    return Fraction(rate_e8) * (1 if to_panel_e8 is None else Fraction(to_panel_e8, money.ONE_E8))
