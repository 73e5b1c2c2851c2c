from __future__ import annotations

import asyncio

import pytest

from relaypanel import http
from relaypanel.simulator.faults import Fault, FaultKind
from tests.simulator.buyer import LINK, Buyer
from tests.simulator.wire import Wire

ADD = {"key": "any", "action": "add", "service": "201", "link": LINK, "quantity": "300"}


def post(wire: Wire, bytes_max: int = 1000) -> http.Reply:
    call = wire.post("https://upstream.example", ADD, deadline_seconds=30, bytes_max=bytes_max)
    return asyncio.run(call)


class TestWire:
    def test_brings_the_answer(self) -> None:
        reply = post(Wire(panel=Buyer().panel))

        assert reply == http.Reply(status=200, content_type="application/json", body=b'{"order":1}')

    @pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.RESET_AFTER_ACCEPT])
    def test_breaks_after_the_order_was_taken(self, kind: FaultKind) -> None:
        wire = Wire(panel=Buyer().panel)
        wire.faults.add(Fault(kind=kind))

        with pytest.raises(http.Unclear):
            post(wire)

        assert wire.panel.accepted == {LINK: 1}

    def test_breaks_off_an_answer_that_is_too_large(self) -> None:
        with pytest.raises(http.Unclear):
            post(Wire(panel=Buyer().panel), bytes_max=5)
