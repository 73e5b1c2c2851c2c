from __future__ import annotations

from relaypanel.contract import Action
from relaypanel.simulator.faults import Fault, FaultKind, Faults


class TestFaults:
    def test_are_none_unless_ordered(self) -> None:
        assert Faults().take("add") is None

    def test_spoil_the_calls_of_their_action(self) -> None:
        faults = Faults()
        fault = Fault(kind=FaultKind.EMPTY, action=Action.ADD)

        faults.add(fault)

        assert faults.take("status") is None
        assert faults.take("add") is fault

    def test_spoil_each_action_without_one(self) -> None:
        faults = Faults()
        fault = Fault(kind=FaultKind.EMPTY)

        faults.add(fault)

        assert faults.take("status") is fault
        assert faults.take("") is fault

    def test_end_after_their_times(self) -> None:
        faults = Faults()
        fault = Fault(kind=FaultKind.EMPTY, times=2)
        faults.add(fault)

        taken = [faults.take("add") for _ in range(3)]

        assert taken == [fault, fault, None]

    def test_go_in_the_order_they_came(self) -> None:
        faults = Faults()
        first, second = Fault(kind=FaultKind.EMPTY, times=1), Fault(kind=FaultKind.HTML, times=1)
        faults.add(first)
        faults.add(second)

        assert [faults.take("add"), faults.take("add")] == [first, second]

    def test_tell_what_is_left_of_them(self) -> None:
        faults = Faults()
        fault = Fault(kind=FaultKind.EMPTY, times=3)
        faults.add(fault)

        faults.take("add")

        assert faults.waiting() == [(fault, 2)]

    def test_end_when_cleared(self) -> None:
        faults = Faults()
        faults.add(Fault(kind=FaultKind.EMPTY))

        faults.clear()

        assert faults.take("add") is None
