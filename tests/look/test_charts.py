from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.look import charts

VALUES = st.lists(st.integers(0, 9 * 10**18), min_size=1, max_size=90)


def area(values: list[int]) -> str:
    labels = [f"day {i}" for i in range(len(values))]
    return charts.area(values=values, labels=labels, tips=labels, tick=str, title="Spend")


class TestArea:
    @given(VALUES)
    def test_stays_on_its_paper_whatever_the_values(self, values: list[int]) -> None:
        drawn = ElementTree.fromstring(area(values))

        line = next(part for part in drawn if part.get("class") == "chart-line")
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", line.get("d", ""))]
        assert all(56 <= x <= 710 for x in numbers[::2])
        assert all(12 <= y <= 234 for y in numbers[1::2])

    def test_says_what_it_is_to_who_cannot_see_it(self) -> None:
        drawn = ElementTree.fromstring(area([1, 2]))

        assert (drawn.get("role"), drawn.get("aria-label")) == ("img", "Spend")

    def test_has_a_tip_for_each_point(self) -> None:
        assert area([3, 1, 2]).count("data-tip") == 3

    def test_writes_hostile_labels_as_text(self) -> None:
        drawn = charts.area(values=[1], labels=["<b>"], tips=["<i>"], tick=str, title='"')

        assert "<b>" not in drawn
        assert "<i>" not in drawn

    def test_has_no_fractions_of_nothing_on_its_axis(self) -> None:
        assert area([0, 0]).count('class="chart-y"') == 1
        assert area([0, 8]).count('class="chart-y"') == 5

    def test_holds_a_second_line_against_the_first_on_one_paper(self) -> None:
        tips = labels = ["1", "2"]

        drawn = charts.area(
            values=[1, 2], labels=labels, tips=tips, tick=str, title="Sales", against=[0, 80]
        )

        assert drawn.count("chart-against") == 1
        assert ">80<" in drawn
        assert "chart-against" not in area([1, 2])

    @pytest.mark.parametrize(("width", "labels"), [(720, 6), (360, 3)])
    def test_names_as_many_days_of_a_week_as_fit(self, width: int, labels: int) -> None:
        week = [f"{day}/11" for day in range(7)]
        drawn = charts.area(
            values=[0] * 7, labels=week, tips=week, tick=str, title="Spend", width=width
        )

        assert drawn.count('class="chart-x') == labels

    def test_asks_for_no_inline_style(self) -> None:
        assert "style=" not in area([1, 2, 3])


class TestSpark:
    @given(VALUES)
    def test_draws_any_values(self, values: list[int]) -> None:
        assert ElementTree.fromstring(charts.spark(values=values, title="Balance")) is not None

    def test_draws_nothing_as_nothing(self) -> None:
        assert "path" not in charts.spark(values=[], title="Balance")


class TestDonut:
    @given(st.lists(st.integers(0, 10**9), max_size=6))
    def test_gives_each_part_that_is_there_an_arc(self, values: list[int]) -> None:
        slices = [charts.Slice(label="a", value=value, css_class="x") for value in values]

        drawn = ElementTree.fromstring(charts.donut(slices=slices, title="Orders"))

        assert len(drawn) - 1 == sum(value > 0 for value in values)

    def test_closes_the_ring_for_a_single_part(self) -> None:
        alone = [charts.Slice(label="Completed", value=7, css_class="status-completed")]

        assert 'stroke-dasharray="100.0 0.0"' in charts.donut(slices=alone, title="Orders")


@pytest.mark.parametrize("values", [[0, 10, 0], [5, 5, 5], [0, 0, 100, 100, 0]])
def test_a_curve_never_swings_past_its_points(values: list[int]) -> None:
    path = next(
        part.get("d", "")
        for part in ElementTree.fromstring(area(values))
        if part.get("class") == "chart-line"
    )

    heights = [float(n) for n in re.findall(r"-?[\d.]+", path)[1::2]]
    ends = [heights[0], *heights[3::3]]
    assert (min(heights), max(heights)) == (min(ends), max(ends))
