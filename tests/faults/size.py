"""How large the fault tests are: short in the suite, full by `make faults`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def is_full() -> bool:
    return os.environ.get("FAULTS") == "full"


def of(*, short: T, full: T) -> T:
    """Return `full` where the variable FAULTS says "full", and `short` anywhere else."""
    return full if is_full() else short
