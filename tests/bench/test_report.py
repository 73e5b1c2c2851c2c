from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import machine, report
from bench.__main__ import BENCHES, main
from bench.load import Pace
from bench.report import Fact, Row

OURS = Pace(per_second=900, p50_ms=1, p99_ms=2, done=1800)
LIMIT = Pace(per_second=1000, p50_ms=0.5, p99_ms=1, done=2000)
ROW = Row(what="balance", connections=16, ours=OURS, limit="one row", reference=LIMIT, wanted=0.8)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


class TestTable:
    def test_keeps_what_was_measured_and_with_what(self, results: Path) -> None:
        with report.table("some", keep=True, rounds=3) as table:
            table.add(ROW)
            table.tell(Fact(what="memory", value=90, unit="MiB", below=150))

        kept = json.loads((results / "some.json").read_text())
        assert kept["settings"] == {"rounds": 3}
        assert kept["rows"][0]["ratio"] == 0.9
        assert kept["rows"][0]["ours"]["p99_ms"] == 2
        assert kept["facts"][0]["value"] == 90
        assert kept["machine"]["cores"] > 0

    def test_names_what_is_left_out(
        self, results: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with report.table("some", keep=True) as table:
            table.leave_out("add", "pgbench")

        words = "add: left out, pgbench is not installed"
        assert words in capsys.readouterr().out
        assert json.loads((results / "some.json").read_text())["left_out"] == [words]

    def test_keeps_nothing_of_a_run_that_failed(self, results: Path) -> None:
        with pytest.raises(AssertionError), report.table("some", keep=True):
            raise AssertionError

        assert not results.exists()


class TestMachine:
    def test_misses_tools_that_are_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")

        assert machine.missing() == {"wrk", "pgbench", "nginx"}
        assert machine.facts()["commit"] == ""


class TestMain:
    def test_lists_the_benches(self) -> None:
        with pytest.raises(SystemExit) as told:
            main(["nothing"])

        assert all(name in str(told.value) for name in BENCHES)

    @pytest.mark.parametrize("name", ["panel", "growth", "processes", "fill"])
    def test_leads_to_each(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as told:
            main([name, "--help"])

        assert told.value.code == 0
        assert f"python -m bench {name}" in capsys.readouterr().out
