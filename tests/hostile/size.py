"""How large the hostile tests are: short in the suite, full by `make hostile`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def of(*, short: T, full: T) -> T:
    """Return `full` where the variable HOSTILE says "full", and `short` anywhere else."""
    return full if os.environ.get("HOSTILE") == "full" else short


def tell(line: str) -> None:
    """Print a test's one line of figures."""
    print(f"\n{line}")  # noqa: T201
