"""Load on a server by wrk, on a database by pgbench, and what came of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

SCRIPT: Final = Path(__file__).with_name("load.lua")
_TPS: Final = re.compile(r"^tps = ([\d.]+) \(without initial connection time\)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """`done` is how many calls were answered as they should be, or transactions committed."""

    per_second: float
    p50_ms: float
    p99_ms: float
    done: int


class Spoiled(Exception):
    """An answer was not what it should be, so that its figures mean nothing."""


def calls(url: str, *, action: str, callers: Path, connections: int, seconds: float) -> Pace:
    """Call the API as fast as it answers.  Raises Spoiled when an answer is wrong or missing."""
    done = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{ceil(seconds)}s", "--timeout", "20s", "--script", str(SCRIPT)),
            *(url, "--", action, str(callers)),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode != 0:
        raise Spoiled(f"wrk: {done.stdout}{done.stderr}")
    return read_wrk(done.stdout)


def transactions(url: str, script: str, *, clients: int, seconds: float, **variables: int) -> Pace:
    """Run a transaction again and again on PostgreSQL, by `clients` at once."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "transaction.sql"
        file.write_text(script)
        done = subprocess.run(
            [
                *("pgbench", "--no-vacuum", "--protocol=prepared", f"--file={file}"),
                *("--log", f"--log-prefix={folder}/log"),
                *(f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={ceil(seconds)}"),
                *(f"--define={name}={value}" for name, value in variables.items()),
                url,
            ],
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
        )
        if done.returncode != 0:
            raise Spoiled(f"pgbench: {done.stdout}{done.stderr}")
        lines = [line for log in Path(folder).glob("log*") for line in log.open()]
    return read_pgbench(done.stdout, lines)


def read_wrk(output: str) -> Pace:
    """Return what load.lua wrote at its end.  Raises Spoiled."""
    told = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    if told["bad"] or told["broken"] or not told["good"]:
        raise Spoiled(
            f"of {told['good'] + told['bad']} answers {told['bad']} were wrong, {told['broken']}"
            f" connections broke; the last wrong answer: {told['sample']}"
        )
    return Pace(
        per_second=told["good"] / told["seconds"],
        p50_ms=told["p50_ms"],
        p99_ms=told["p99_ms"],
        done=told["good"],
    )


def read_pgbench(output: str, log: Iterable[str]) -> Pace:
    """Return what pgbench wrote, and its log: one line a transaction, microseconds third."""
    found = _TPS.search(output)
    if found is None:
        raise Spoiled(f"pgbench: {output}")
    milliseconds = [int(line.split()[2]) / 1000 for line in log]
    return Pace(
        per_second=float(found[1]),
        p50_ms=percentile(milliseconds, 50),
        p99_ms=percentile(milliseconds, 99),
        done=len(milliseconds),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the least value that so many percent of all do not exceed."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def middle(paces: Sequence[Pace]) -> Pace:
    """Return the median of several runs, figure by figure; `done` is their sum."""
    return Pace(
        per_second=median(pace.per_second for pace in paces),
        p50_ms=median(pace.p50_ms for pace in paces),
        p99_ms=median(pace.p99_ms for pace in paces),
        done=sum(pace.done for pace in paces),
    )
