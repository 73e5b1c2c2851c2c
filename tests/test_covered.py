from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import tidy


def told(path: Path, *, executed: list[int], missing: list[int], name: str = "app/a.py") -> None:
    """Write what one process saw of one file."""
    summary = {
        "covered_lines": len(executed),
        "missing_lines": len(missing),
        "covered_branches": 0,
        "missing_branches": 0,
        "percent_covered": 100 * len(executed) / (len(executed) + len(missing)),
    }
    file: dict[str, Any] = {
        "executed_lines": executed,
        "missing_lines": missing,
        "executed_branches": [],
        "missing_branches": [],
        "summary": summary,
    }
    meta = {"software": "slipcover", "version": "1", "branch_coverage": True}
    meta |= {"show_contexts": False}
    path.write_text(json.dumps({"meta": meta, "files": {name: file}, "summary": summary}))


def judged(folder: Path, *exact: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.covered", str(folder), *exact],
        cwd=tidy.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1] + done.stderr


class TestCovered:
    def test_takes_what_the_processes_saw_together(self, tmp_path: Path) -> None:
        told(tmp_path / "1.json", executed=[1, 2], missing=[3])
        told(tmp_path / "2.json", executed=[1, 3], missing=[2])

        assert judged(tmp_path, "app/*") == (0, "Enough of it was taken.")

    def test_is_too_little_below_the_bound_of_all(self, tmp_path: Path) -> None:
        told(tmp_path / "1.json", executed=[1, 2], missing=[3])

        code, line = judged(tmp_path)
        assert (code, line) == (1, "relaypanel: 66.7 % of lines and branches, 95 are wanted")

    def test_is_too_little_by_one_line_of_what_is_exact(self, tmp_path: Path) -> None:
        told(tmp_path / "1.json", executed=[*range(1, 100)], missing=[100])

        assert judged(tmp_path) == (0, "Enough of it was taken.")
        assert judged(tmp_path, "app/a.py") == (1, "app/a.py: 99.0 %, 100 are wanted")

    def test_misses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        told(tmp_path / "1.json", executed=[1], missing=[])

        assert judged(tmp_path, "app/b.py") == (1, "app/b.py: there is no such file")
