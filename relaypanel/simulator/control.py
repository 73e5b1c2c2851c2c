"""The hand of a test or a bench on a running simulator: `/control`.

POST takes a JSON object.  One with a `fault` orders it; everything but the name may be left out:

    {"action": "add", "fault": "timeout_after_accept", "times": 3, "seconds": 600}
    {"action": "status", "fault": "unknown_word", "words": "Awaiting moderation"}
    {"fault": "error", "words": "Maintenance", "times": null}

Without `action` it spoils each call, without `times` (or with null) until it is cleared; of
several the oldest goes first.  The names are in faults.py.  Other orders, alone or together:

    {"clear": true}                            no more faults and no more latency
    {"latency": {"min_ms": 1, "max_ms": 8}}    each call takes so long, at random between the two
    {"speed": 5}                               time runs so much faster from now on
    {"adopt": true}                            any ID it never gave is an order in progress

They are carried out from the top: clear, latency, speed, adopt, fault.  The answer is
{"done": true}, or HTTP 400 and {"error": "…"}, and then nothing was changed.

GET answers {"orders": 3, "accepted": {"https://…": 1, …}, "placed": {"17": "https://…", …},
"calls": {"add": 3, …}, "speed": 1.0, "faults": [{"fault": "empty", "action": "add", "times": 2}]}:
`accepted` counts the orders taken by link (of a subscription by username), `placed` says which ID
each was given, and `times` is what is left of a fault.

There is no key: the simulator listens on loopback unless it is told otherwise.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

from relaypanel.contract import Action
from relaypanel.simulator.faults import Fault, FaultKind, Faults
from relaypanel.simulator.pace import Pace
from relaypanel.simulator.panel import Panel

SPEED_MAX: Final = 100_000

_DICE: Final = secrets.SystemRandom()


class Latency(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    min_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0
    max_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0

    def seconds(self) -> float:
        """Return how long the next call takes."""
        return _DICE.uniform(self.min_ms, self.max_ms) / 1000 if self.max_ms else 0


_NONE: Final = Latency()


class _Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    action: Action | None = None
    fault: FaultKind | None = None
    words: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None
    clear: bool = False
    latency: Latency | None = None
    speed: Annotated[float, msgspec.Meta(gt=0, le=SPEED_MAX)] | None = None
    adopt: bool | None = None


@dataclass(kw_only=True, slots=True)
class Simulator:
    """A panel, its time and what is wrong with it: all that a running simulator is."""

    panel: Panel
    pace: Pace
    faults: Faults = field(default_factory=Faults)
    latency: Latency = _NONE


def obey(simulator: Simulator, body: bytes) -> None:
    """Carry out one order.  Raises ValueError, and has changed nothing then."""
    order = msgspec.json.decode(body, type=_Order)
    if order.clear:
        simulator.faults.clear()
        simulator.latency = _NONE
    if order.latency is not None:
        simulator.latency = order.latency
    if order.speed is not None:
        simulator.pace.set_speed(order.speed)
    if order.adopt is not None:
        simulator.panel.adopts = order.adopt
    if order.fault is not None:
        simulator.faults.add(_fault(order, order.fault))


def report(simulator: Simulator) -> dict[str, object]:
    """Return the counters and what is in force, ready for JSON."""
    panel = simulator.panel
    return {
        "orders": panel.accepted.total(),
        "accepted": panel.accepted,
        "placed": panel.placed,
        "calls": panel.calls,
        "speed": simulator.pace.speed,
        "faults": [
            {"fault": fault.kind, "action": fault.action, "times": left}
            for fault, left in simulator.faults.waiting()
        ],
    }


def _fault(order: _Order, kind: FaultKind) -> Fault:
    return Fault(
        kind=kind,
        action=order.action,
        times=order.times,
        words=order.words,
        seconds=order.seconds,
    )
