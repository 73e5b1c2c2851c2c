"""Which lines and branches of the program a run of the tests takes.

    COVERED=folder pytest …               each process of the run writes what it saw there
    python -m tests.covered folder FILE…  tell what nobody took, and judge: all, and these files

SlipCover lets go of a line once it was seen.  A tool that follows each line each time takes as
long again as the tests: decision 0018.  What the tests start as processes is not followed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import slipcover

PERCENT_MIN: Final = 95
PERCENT_MIN_EXACT: Final = 100

_PACKAGE: Final = "relaypanel"
_OMITTED: Final = ["*/migrations/*"]


class Followed:
    """This process from here on; begun before anything of the program is imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = slipcover.Slipcover(
            immediate=True, branch=True, source=[_PACKAGE], omit=_OMITTED
        )
        ours = slipcover.FileMatcher(sources=[_PACKAGE], omit=_OMITTED)
        slipcover.ImportManager(self._seen, ours).__enter__()

    def write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._seen.get_coverage())
        (self._folder / f"{os.getpid()}.json").write_text(text)


def main() -> int:
    folder, *exact = sys.argv[1:]
    found = _merged(Path(folder))
    slipcover.print_coverage(found, skip_covered=True)
    faults = list(_faults(found, exact))
    print("\n".join(faults or ["Enough of it was taken."]))  # noqa: T201  this is its answer
    return 1 if faults else 0


def _merged(folder: Path) -> dict[str, Any]:
    first, *others = sorted(folder.glob("*.json"))
    found: dict[str, Any] = json.loads(first.read_text())
    for path in others:
        slipcover.merge_coverage(found, json.loads(path.read_text()))
    return found


def _faults(found: dict[str, Any], exact: list[str]) -> Iterator[str]:
    percent = found["summary"]["percent_covered"]
    if percent < PERCENT_MIN:
        yield f"{_PACKAGE}: {percent:.1f} % of lines and branches, {PERCENT_MIN} are wanted"
    for pattern in exact:
        files = [name for name in found["files"] if fnmatch(name, pattern)]
        if not files:
            yield f"{pattern}: there is no such file"
        for name in files:
            percent = found["files"][name]["summary"]["percent_covered"]
            if percent < PERCENT_MIN_EXACT:
                yield f"{name}: {percent:.1f} %, {PERCENT_MIN_EXACT} are wanted"


if __name__ == "__main__":
    sys.exit(main())
