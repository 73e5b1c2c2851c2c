"""Holds docs/security.md against the commands that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import tidy

ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (tidy.ROOT / "docs" / "security.md").read_text().splitlines()
    if line.startswith("| ") and "`" in line
]
WANTED = {f"R{number}" for number in (2, 10, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 25)}


def missing(command: str) -> list[str]:
    """Return what a command names that is not there."""
    program, _, name = command.partition(" ")
    if program == "make":
        makefile = (tidy.ROOT / "Makefile").read_text()
        return [] if re.search(rf"^{name}:", makefile, re.MULTILINE) else [command]
    path = tidy.ROOT / name
    return [] if program == "pytest" and path.is_file() else [command]


class TestPromises:
    def test_are_all_there(self) -> None:
        assert {row[0] for row in ROWS} >= WANTED

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:40])
    def test_name_a_command_that_is_there(self, row: list[str]) -> None:
        command = row[-1].strip("` |")

        assert missing(command) == []

    def test_name_every_attack(self) -> None:
        named = {row[-1].strip("` |").partition(" ")[2] for row in ROWS}
        attacks = {
            path.relative_to(tidy.ROOT).as_posix()
            for path in (Path(__file__).parent / "hostile").glob("test_*.py")
        }

        assert attacks <= named

    @pytest.mark.parametrize("command", ["make nothing", "pytest tests/nothing.py", "curl x"])
    def test_are_missed_when_they_are_not(self, command: str) -> None:
        assert missing(command) == [command]
