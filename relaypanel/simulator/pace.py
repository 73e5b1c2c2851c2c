"""The simulator's own time: the machine's, made faster or slower."""

from __future__ import annotations

from collections.abc import Callable

from relaypanel import clock


class Pace:
    """Simulated seconds.  A new speed holds from now on: what has passed stays as it was."""

    def __init__(
        self, *, speed: float = 1.0, seconds: Callable[[], float] = clock.monotonic
    ) -> None:
        assert speed > 0
        self._seconds = seconds
        self._speed = speed
        self._passed_seconds = 0.0
        self._since = seconds()

    @property
    def speed(self) -> float:
        return self._speed

    def __call__(self) -> float:
        return self._passed_seconds + (self._seconds() - self._since) * self._speed

    def set_speed(self, speed: float) -> None:
        assert speed > 0
        self._passed_seconds = self()
        self._since = self._seconds()
        self._speed = speed
