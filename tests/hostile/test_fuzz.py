"""R10: whatever a call says, both engines give the same answer, in JSON, and never a fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.hostile import fuzz
from tests.hostile.size import of, tell

CALLS = of(short=300, full=5_000)


def told(
    engine: databases.Engine, calls: Sequence[dict[str, Any]], folder: Path, **more: str
) -> list[dict[str, Any]]:
    """Return what a door on a new database of this engine answers."""
    asked, answers = folder / "calls.json", folder / f"{engine}.json"
    asked.write_text(json.dumps(calls))
    with databases.fresh(engine) as url:
        subprocess.run(
            [sys.executable, "-m", "tests.hostile.fuzz", str(asked), str(answers)],
            env=os.environ | {"DATABASE_URL": url, "LOG_LEVEL": "CRITICAL"} | more,
            check=True,
        )
    found: list[dict[str, Any]] = json.loads(answers.read_text())
    return found


def accepted(answers: Sequence[dict[str, Any]]) -> int:
    return sum(not one["text"].startswith('{"error":') for one in answers)


def faults(answers: Sequence[dict[str, Any]]) -> dict[str, int]:
    refused = [one for one in answers if one["text"].startswith('{"error":')]
    return {
        "5xx": sum(one["status"] >= 500 for one in answers),
        "no JSON": sum(not one["json"] for one in answers),
        "written though refused": sum(one["wrote"] for one in refused),
        "leaks": sum(one["leaks"] for one in answers),
    }


class TestAnyCall:
    def test_gets_an_answer(self, tmp_path: Path, panel_database: Callable[..., str]) -> None:
        began = time.monotonic()
        answers = told("sqlite", fuzz.make(CALLS, seed=10), tmp_path)

        seconds = time.monotonic() - began
        tell(
            f"R10 fuzz, SQLite: {len(answers)} calls in {seconds:.0f} s,"
            f" accepted {accepted(answers)}, {faults(answers)}"
        )
        assert set(faults(answers).values()) == {0}
        # The calls are not all refused at the door.
        assert accepted(answers) > len(answers) // 20

    @pytest.mark.postgresql
    def test_gets_the_same_answer_from_both_engines(self, tmp_path: Path) -> None:
        calls = fuzz.make(CALLS, seed=10)
        ours, theirs = told("postgresql", calls, tmp_path), told("sqlite", calls, tmp_path)

        different = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
        tell(
            f"R10 fuzz, PostgreSQL: {len(ours)} calls, accepted {accepted(ours)},"
            f" by SQLite {accepted(theirs)}, {faults(ours)},"
            f" answers that differ from SQLite's {len(different)}"
        )
        assert set(faults(ours).values()) == {0}
        assert different[:3] == []

    def test_gets_a_fault_where_numbers_are_read_as_python_does(
        self, tmp_path: Path, panel_database: Callable[..., str]
    ) -> None:
        answers = told("sqlite", fuzz.make(of(short=150, full=1_000), seed=10), tmp_path, TWIN="1")

        tell(f"R10 twin, int(): {faults(answers)}")
        assert faults(answers)["5xx"] > 0
