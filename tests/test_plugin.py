from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SECOND_TRY = """
import pytest

tries = []

@pytest.mark.flaky(reruns=1)
def test_of_processes():
    tries.append(1)
    assert len(tries) == 2, "the panel came late"
"""


def test_how_a_test_failed_at_first_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_once_more.py").write_text(SECOND_TRY)
    root = Path(__file__).parents[1]

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.plugin", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "1 passed, 1 rerun" in run.stdout
    assert "failed at first: test_once_more.py::test_of_processes" in run.stdout
    assert "AssertionError: the panel came late" in run.stdout
