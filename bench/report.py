"""Figures as a table while they come, and as a file of bench/results when all are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench import machine
from bench.load import Pace

RESULTS: Final = Path(__file__).resolve().parent / "results"
_HEAD: Final = (
    "| what | connections | ours, /s | p50, ms | p99, ms | limit | /s | p50, ms | p99, ms"
    " | ratio | wanted |"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Our figure beside a limit of the same run; `wanted` None: the ratio is for reading only."""

    what: str
    connections: int
    ours: Pace
    limit: str
    reference: Pace
    wanted: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours.per_second / self.reference.per_second

    def __str__(self) -> str:
        cells = [
            self.what,
            str(self.connections),
            *_cells(self.ours),
            self.limit,
            *_cells(self.reference),
            f"{self.ratio:.2f}",
            "" if self.wanted is None else f"≥ {self.wanted}",
        ]
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A figure that needs no other beside it, below a limit that was set."""

    what: str
    value: float
    unit: str
    below: float | None = None

    def __str__(self) -> str:
        limit = "" if self.below is None else f", at most {self.below:g} {self.unit}"
        return f"{self.what}: {self.value:.1f} {self.unit}{limit}"


@dataclass(kw_only=True, slots=True)
class Table:
    name: str
    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        if not self.rows:
            print(f"\n{_HEAD}\n|{'---|' * _HEAD.count(' | ')}---|")
        self.rows.append(row)
        print(row, flush=True)

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)
        print(fact, flush=True)

    def leave_out(self, what: str, tool: str) -> None:
        """Say that a figure is not there, and why."""
        words = f"{what}: left out, {tool} is not installed"
        self.left_out.append(words)
        print(words, flush=True)

    def save(self, measured_with: dict[str, object]) -> None:
        RESULTS.mkdir(exist_ok=True)
        figures = {
            "bench": self.name,
            "settings": self.settings,
            "machine": measured_with,
            "rows": [asdict(row) | {"ratio": row.ratio} for row in self.rows],
            "facts": [asdict(fact) for fact in self.facts],
            "left_out": self.left_out,
        }
        text = json.dumps(figures, indent=2, default=str, ensure_ascii=False)
        (RESULTS / f"{self.name}.json").write_text(text + "\n")


@contextmanager
def table(name: str, *, keep: bool, **settings: object) -> Iterator[Table]:
    """Yield a table to fill; it is written to bench/results if `keep`, and nothing went wrong."""
    measured_with = machine.facts()
    print(f"\n{name}: {settings}", flush=True)
    filled = Table(name=name, settings=settings)
    yield filled
    if keep:
        filled.save(measured_with)


def _cells(pace: Pace) -> list[str]:
    return [f"{pace.per_second:,.0f}", f"{pace.p50_ms:.2f}", f"{pace.p99_ms:.2f}"]
