from __future__ import annotations

import json
from typing import Any

import pytest

from relaypanel.simulator import control
from relaypanel.simulator.control import Latency, Simulator
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.simulator.pace import Pace
from tests.simulator.buyer import LINK, Buyer


def a_simulator() -> Simulator:
    return Simulator(panel=Buyer().panel, pace=Pace())


def told(order: dict[str, Any]) -> Simulator:
    simulator = a_simulator()
    control.obey(simulator, json.dumps(order).encode())
    return simulator


class TestObey:
    def test_orders_a_fault(self) -> None:
        simulator = told(
            {"action": "add", "fault": "error", "words": "no", "times": 2, "seconds": 1.5}
        )

        fault = simulator.faults.take("add")

        assert fault is not None
        assert (fault.kind, fault.words, fault.times, fault.seconds) == ("error", "no", 2, 1.5)

    def test_orders_a_fault_for_good_with_times_null(self) -> None:
        simulator = told({"fault": "empty", "times": None})

        assert simulator.faults.waiting() == [(Fault(kind=FaultKind.EMPTY), None)]

    def test_sets_the_latency(self) -> None:
        latency = told({"latency": {"min_ms": 20, "max_ms": 30}}).latency

        assert 0.02 <= latency.seconds() <= 0.03

    def test_sets_the_speed(self) -> None:
        assert told({"speed": 5}).pace.speed == 5

    def test_lets_the_panel_adopt_orders_and_stop_that(self) -> None:
        simulator = told({"adopt": True})
        assert simulator.panel.adopts

        control.obey(simulator, b'{"adopt": false}')
        assert not simulator.panel.adopts

    def test_clears_first_when_more_is_asked(self) -> None:
        simulator = told({"fault": "empty", "latency": {"max_ms": 5}})

        control.obey(simulator, b'{"clear": true, "fault": "html"}')

        assert simulator.faults.waiting() == [(Fault(kind=FaultKind.HTML), None)]
        assert simulator.latency.seconds() == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"\xff",
            b'{"fault": "fire"}',
            b'{"flaut": "empty"}',
            b'{"fault": "empty", "times": 0}',
            b'{"fault": "empty", "action": "drop"}',
            b'{"clear": true, "speed": 0}',
            b'{"clear": true, "latency": {"min_ms": -1}}',
        ],
    )
    def test_changes_nothing_when_it_does_not_understand(self, body: bytes) -> None:
        simulator = told({"fault": "empty"})

        with pytest.raises(ValueError, match=r".+"):
            control.obey(simulator, body)

        assert len(simulator.faults.waiting()) == 1


class TestLatency:
    def test_is_none_at_first(self) -> None:
        assert Latency().seconds() == 0


class TestReport:
    def test_counts_orders_calls_and_faults(self) -> None:
        buyer = Buyer()
        buyer.add(201)
        buyer.add(201)
        simulator = Simulator(panel=buyer.panel, pace=Pace(speed=2))
        control.obey(simulator, b'{"action": "add", "fault": "empty", "times": 3}')

        report = control.report(simulator)

        assert report == {
            "orders": 2,
            "accepted": {LINK: 2},
            "placed": {1: LINK, 2: LINK},
            "calls": {"add": 2},
            "speed": 2,
            "faults": [{"fault": "empty", "action": "add", "times": 3}],
        }
