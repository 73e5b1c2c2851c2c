"""From a call to the bytes that answer it, with the fault that was ordered for it.

    reply = replies.reply(panel=panel, faults=faults, form={"key": "any", "action": "balance"})

It needs no socket: server.py sends what comes out, and a test can hand it to a client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from relaypanel.simulator.faults import Fault, FaultKind, Faults
from relaypanel.simulator.panel import Form, Panel

# Past every deadline that a client may have; 120 seconds is the longest of ours.
TIMEOUT_SECONDS: Final = 600.0

LATENCY_SECONDS: Final = 1.0

_JSON: Final = "application/json"

_CHALLENGE: Final = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking your browser before accessing this site.</body></html>"
)
_ERROR_PAGE: Final = b"<html><body><h1>500 Internal Server Error</h1></body></html>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What goes back over the wire, `wait_seconds` later; `is_reset`: a broken connection."""

    body: bytes
    status: int = 200
    content_type: str = _JSON
    wait_seconds: float = 0
    is_reset: bool = False


def reply(*, panel: Panel, faults: Faults, form: Form) -> Reply:
    """Let the panel answer one call, or fail it in the way that was ordered."""
    fault = faults.take(form.get("action", ""))
    if fault is None:
        return _json(panel.answer(form))
    return _SPOILED[fault.kind](panel, form, fault)


def _json(answer: object) -> Reply:
    return Reply(body=msgspec.json.encode(answer))


def _too_late(panel: Panel, form: Form, fault: Fault) -> Reply:
    return _late(panel, form, _seconds(fault, TIMEOUT_SECONDS))


def _slow(panel: Panel, form: Form, fault: Fault) -> Reply:
    return _late(panel, form, _seconds(fault, LATENCY_SECONDS))


def _late(panel: Panel, form: Form, wait_seconds: float) -> Reply:
    body = msgspec.json.encode(panel.answer(form))
    return Reply(body=body, wait_seconds=wait_seconds)


def _seconds(fault: Fault, default: float) -> float:
    return default if fault.seconds is None else fault.seconds


def _http_500(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.count(form)
    return Reply(body=_ERROR_PAGE, status=500, content_type="text/html")


def _http_500_after_accept(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.answer(form)
    return Reply(body=_ERROR_PAGE, status=500, content_type="text/html")


def _html(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.count(form)
    return Reply(body=_CHALLENGE, content_type="text/html")


def _garbage(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.count(form)
    return Reply(body=b'\xff\x00{"order": 12')


def _empty(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.count(form)
    return Reply(body=b"")


def _reset_after_accept(panel: Panel, form: Form, _: Fault) -> Reply:
    panel.answer(form)
    return Reply(body=b"", is_reset=True)


def _duplicate_id(panel: Panel, form: Form, _: Fault) -> Reply:
    earlier_id = panel.last_id
    answer = panel.answer(form)
    if earlier_id is not None and isinstance(answer, dict) and "order" in answer:
        return _json({"order": earlier_id})
    return _json(answer)


def _negative_remains(panel: Panel, form: Form, _: Fault) -> Reply:
    return _json(_with(panel.answer(form), "remains", "-7"))


def _unknown_word(panel: Panel, form: Form, fault: Fault) -> Reply:
    return _json(_with(panel.answer(form), "status", fault.words or "Awaiting moderation"))


def _with(answer: Any, field: str, text: str) -> object:
    """Return a status answer, single or multiple, with `field` overwritten in each order."""
    if not isinstance(answer, dict):
        return answer
    if field in answer:
        return answer | {field: text}
    return {asked: _with(row, field, text) for asked, row in answer.items()}


def _muddled(panel: Panel, form: Form, _: Fault) -> Reply:
    answer: Any = panel.answer(form)
    if "orders" not in form or "error" in answer:
        return _json(answer)
    rows = [row for asked, told in answer.items() for row in _muddle(asked, told)]
    last = max((int(asked) for asked in answer if asked.isdecimal()), default=0)
    return _json([None, "?", *rows, *(_canceled(str(last + step)) for step in range(1, 11))])


def _muddle(asked: str, told: dict[str, object]) -> list[dict[str, object]]:
    """Return the rows about one ID: its last digit says what is wrong with them."""
    row = {"order": asked, **told}
    match asked[-1]:
        case "3":
            return []
        case "7":
            return [row, _canceled(asked)]
        case "9":
            return [{"order": asked, "status": [{}]}]
    return [row]


def _canceled(asked: str) -> dict[str, object]:
    return {"order": asked, "status": "Canceled", "remains": "0"}


def _poison(panel: Panel, form: Form, fault: Fault) -> Reply:
    asked = form.get("orders", form.get("order", "")).split(",")
    if any(upstream_id.endswith(fault.words or "13") for upstream_id in asked):
        return _http_500(panel, form, fault)
    return _json(panel.answer(form))


def _error(panel: Panel, form: Form, fault: Fault) -> Reply:
    panel.count(form)
    return _json({"error": fault.words or "Something went wrong. Please contact support"})


_SPOILED: Final[Mapping[FaultKind, Callable[[Panel, Form, Fault], Reply]]] = {
    FaultKind.TIMEOUT_AFTER_ACCEPT: _too_late,
    FaultKind.LATENCY: _slow,
    FaultKind.HTTP_500: _http_500,
    FaultKind.HTTP_500_AFTER_ACCEPT: _http_500_after_accept,
    FaultKind.HTML: _html,
    FaultKind.GARBAGE: _garbage,
    FaultKind.EMPTY: _empty,
    FaultKind.RESET_AFTER_ACCEPT: _reset_after_accept,
    FaultKind.DUPLICATE_ID: _duplicate_id,
    FaultKind.NEGATIVE_REMAINS: _negative_remains,
    FaultKind.UNKNOWN_WORD: _unknown_word,
    FaultKind.MUDDLED: _muddled,
    FaultKind.POISON: _poison,
    FaultKind.ERROR: _error,
}
