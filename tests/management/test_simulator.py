from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command

from tests.processes import Panel, Process


class TestSimulator:
    @pytest.mark.sockets
    def test_serves_as_its_options_say(self) -> None:
        # It has no database, and asks for none.
        with Panel(database_url="sqlite:////nowhere/at/all.sqlite3") as panel:
            options = ("--speed", "50000", "--key", "its-key", "--first-id", "7001")
            simulator = panel.simulator(*options)

            order = _call(
                simulator, action="add", service=201, link="https://x.example", quantity=9
            )

            assert order == {"order": 7001}
            assert _call(simulator, action="status", order=7001)["status"] == "Completed"
            assert _call(simulator, key="another", action="balance") == {"error": "Invalid API key"}
            assert simulator.stop() == 0

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("--port=70000", "a port is a number from 0 to 65535"),
            ("--port=x", "a port is a number from 0 to 65535"),
            ("--speed=0", "say a number above 0, at most 100000"),
            ("--speed=fast", "say a number above 0, at most 100000"),
            ("--speed=nan", "say a number above 0, at most 100000"),
            ("--first-id=0", "an ID is a whole number from 1 on"),
            ("--first-id=-5", "an ID is a whole number from 1 on"),
        ],
    )
    def test_refuses_a_bad_option(self, option: str, words: str) -> None:
        with pytest.raises(CommandError, match=words):
            call_command("simulator", option)


def _call(simulator: Process, **fields: Any) -> Any:
    data = urlencode({"key": "its-key"} | fields).encode()
    with urllib.request.urlopen(f"{simulator.url}/api/v2", data, timeout=10) as reply:
        return json.load(reply)
