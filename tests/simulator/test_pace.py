from __future__ import annotations

from relaypanel.simulator.pace import Pace


class TestPace:
    def test_goes_with_the_machine(self) -> None:
        seconds = [50.0]
        pace = Pace(seconds=lambda: seconds[0])

        seconds[0] += 3

        assert pace() == 3
        assert pace.speed == 1

    def test_goes_faster(self) -> None:
        seconds = [50.0]
        pace = Pace(speed=5, seconds=lambda: seconds[0])

        seconds[0] += 3

        assert pace() == 15

    def test_keeps_what_has_passed_when_the_speed_changes(self) -> None:
        seconds = [50.0]
        pace = Pace(speed=2, seconds=lambda: seconds[0])
        seconds[0] += 3

        pace.set_speed(10)

        assert pace() == 6
        seconds[0] += 1
        assert pace() == 16
