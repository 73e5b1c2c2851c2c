from __future__ import annotations

import pytest

from relaypanel import clock
from tests.worker.desk import Desk, Line, Time


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Stop all clocks; the test moves them."""
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.now)
    monkeypatch.setattr(clock, "monotonic", lambda: time.seconds)
    monkeypatch.setattr(clock, "of_database", time.of_database)
    return time


@pytest.fixture
def line(time: Time) -> Line:
    return Line(time)


@pytest.fixture
def desk(line: Line) -> Desk:
    return Desk(line)
