"""Charts as SVG that the server draws: no script, printable, coloured by the theme.

Amounts come in as whole numbers and are shown exactly; only places on the paper are floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

type_point = tuple[float, float]

_HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 10, 12, 26
_GRID_LINES: Final = 4
# The circumference of this circle is 100, so that lengths along it are percents.
_DONUT_RADIUS: Final = 15.9155
_DONUT_GAP: Final = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """A part of a donut.  `css_class` names its colour."""

    label: str
    value: int
    css_class: str


def area(
    *,
    values: Sequence[int],
    labels: Sequence[str],
    tips: Sequence[str],
    tick: Callable[[int], str],
    title: str,
    width: int = 720,
    against: Sequence[int] = (),
) -> SafeString:
    """Draw values over time.  `tick` words a value of the vertical axis, `tips` each point.

    `against` is a second line on the same paper, to hold the first one against; empty: none.
    """
    assert len(values) == len(labels) == len(tips)
    assert len(against) in (0, len(values))
    top = _round_up(max((*values, *against, 1)))
    paper = _Paper(width=width, count=len(values), top=top)
    points = [(paper.x(i), paper.y(value)) for i, value in enumerate(values)]
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}{}</svg>',
        width,
        _HEIGHT,
        title,
        _grid(paper, tick, lines=_GRID_LINES if any((*values, *against)) else 0),
        _line(points, floor=_HEIGHT - _BOTTOM),
        _against(paper, against),
        _days(paper, labels),
        _hot_spots(paper, points, tips),
    )


def spark(*, values: Sequence[int], title: str) -> SafeString:
    """Draw a line of a word's size."""
    width, height, top = 96, 32, max((*values, 1))
    step = (width - 4) / max(1, len(values) - 1)
    points = [
        (2 + i * step, height - 3 - value / top * (height - 6)) for i, value in enumerate(values)
    ]
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}" '
        'preserveAspectRatio="none">{}</svg>',
        width,
        height,
        title,
        _line(points, floor=height),
    )


def donut(*, slices: Sequence[Slice], title: str) -> SafeString:
    """Draw parts of a whole.  Without any part it is an empty ring."""
    whole = sum(part.value for part in slices)
    arcs, offset = [], 25.0
    for part in slices:
        if not part.value:
            continue
        share = part.value / whole * 100
        length = max(share - _DONUT_GAP, 0.3) if part.value < whole else 100.0
        arcs.append(
            (
                part.css_class,
                _DONUT_RADIUS,
                _tenth(length),
                _tenth(100 - length),
                _tenth(offset),
                part.label,
                part.value,
            )
        )
        offset -= share
    return format_html(
        '<svg class="donut" viewBox="0 0 42 42" role="img" aria-label="{}">'
        '<circle class="donut-empty" r="{}" cx="21" cy="21"/>{}</svg>',
        title,
        _DONUT_RADIUS,
        format_html_join(
            "",
            '<circle class="{}" r="{}" cx="21" cy="21" stroke-dasharray="{} {}" '
            'stroke-dashoffset="{}"><title>{}: {}</title></circle>',
            arcs,
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Paper:
    width: int
    count: int
    top: int

    @property
    def step(self) -> float:
        return (self.width - _LEFT - _RIGHT) / max(1, self.count - 1)

    def x(self, index: int) -> float:
        return _LEFT + index * self.step

    def y(self, value: float) -> float:
        return _TOP + (1 - value / self.top) * (_HEIGHT - _TOP - _BOTTOM)


def _grid(paper: _Paper, tick: Callable[[int], str], *, lines: int) -> SafeString:
    heights = [paper.top * i // _GRID_LINES for i in range(lines + 1)]
    return format_html_join(
        "",
        '<line class="chart-grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="chart-y" x="{}" y="{}">{}</text>',
        (
            (
                _LEFT,
                paper.width - _RIGHT,
                _tenth(paper.y(value)),
                _tenth(paper.y(value)),
                _LEFT - 8,
                _tenth(paper.y(value) + 4),
                tick(value),
            )
            for value in heights
        ),
    )


def _days(paper: _Paper, labels: Sequence[str]) -> SafeString:
    # A whole week fits on a desk; a phone has room for four days.
    every = max(1, -(-len(labels) // (7 if paper.width > 500 else 4)))
    last = len(labels) - 1
    return format_html_join(
        "",
        '<text class="{}" x="{}" y="{}">{}</text>',
        (
            (
                "chart-x chart-x-last" if i == last else "chart-x",
                _tenth(paper.x(i)),
                _HEIGHT - 6,
                label,
            )
            for i, label in enumerate(labels)
            # The first would stand under the vertical axis.
            if (last - i) % every == 0 and i > 0
        ),
    )


def _line(points: Sequence[type_point], *, floor: float) -> SafeString:
    if not points:
        return SafeString("")
    path = _smooth(points)
    return format_html(
        '<path class="chart-area" d="{}L{},{}L{},{}Z"/><path class="chart-line" d="{}"/>',
        path,
        _tenth(points[-1][0]),
        floor,
        _tenth(points[0][0]),
        floor,
        path,
    )


def _against(paper: _Paper, values: Sequence[int]) -> SafeString:
    if not values:
        return SafeString("")
    path = _smooth([(paper.x(i), paper.y(value)) for i, value in enumerate(values)])
    return format_html('<path class="chart-line chart-against" d="{}"/>', path)


def _hot_spots(paper: _Paper, points: Sequence[type_point], tips: Sequence[str]) -> SafeString:
    return format_html_join(
        "",
        '<g class="chart-spot" data-tip="{}">{}</g>',
        ((tip, _spot(paper, x, y)) for tip, (x, y) in zip(tips, points, strict=True)),
    )


def _spot(paper: _Paper, x: float, y: float) -> SafeString:
    # Numbers alone, a thousand on a page: escaping each would take longer than drawing it.
    left, width, middle = _tenth(x - paper.step / 2), _tenth(paper.step), _tenth(x)
    return SafeString(  # nosec B703
        f'<rect x="{left}" y="{_TOP}" width="{width}" height="{_HEIGHT - _TOP - _BOTTOM}"/>'
        f'<line x1="{middle}" x2="{middle}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<circle cx="{middle}" cy="{_tenth(y)}" r="4"/>'
    )


def _smooth(points: Sequence[type_point]) -> str:
    """Return a path through the points that never swings above or below two neighbours.

    Monotone cubic interpolation after Fritsch and Carlson (1980).
    """
    start = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    if len(points) == 1:
        return start
    slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(points)]
    tangents = _tangents(slopes)
    curves = []
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        third = (x1 - x0) / 3
        curves.append(
            f"C{x0 + third:.1f},{y0 + tangents[i] * third:.1f} "
            f"{x1 - third:.1f},{y1 - tangents[i + 1] * third:.1f} {x1:.1f},{y1:.1f}"
        )
    return start + "".join(curves)


def _tangents(slopes: Sequence[float]) -> list[float]:
    inner = [
        0.0 if before * after <= 0 else (before + after) / 2 for before, after in pairwise(slopes)
    ]
    tangents = [slopes[0], *inner, slopes[-1]]
    for i, slope in enumerate(slopes):
        if slope == 0:
            tangents[i] = tangents[i + 1] = 0.0
            continue
        size = ((tangents[i] / slope) ** 2 + (tangents[i + 1] / slope) ** 2) ** 0.5
        if size > 3:
            tangents[i] *= 3 / size
            tangents[i + 1] *= 3 / size
    return tangents


def _round_up(value: int) -> int:
    """Return a round number at or above `value` that splits into the grid's lines."""
    power = 1
    while power * 10 <= value:
        power *= 10
    steps = (1, 2, 4, 5, 8, 10)
    round_one = next(step * power for step in steps if step * power >= value)
    return -(-round_one // _GRID_LINES) * _GRID_LINES


def _tenth(value: float) -> str:
    return f"{value:.1f}"
