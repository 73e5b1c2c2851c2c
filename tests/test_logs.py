"""What a line in the log looks like, in a process as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

TELL = """
import logging
import django
import structlog
django.setup()
structlog.contextvars.bind_contextvars(duty="send:3", provider=3)
structlog.get_logger("ours").warning("told", order=7, name="Đỗ 👍")
try:
    raise ValueError("two\\nlines")
except ValueError:
    logging.getLogger("theirs").exception("failed")
"""


def told(log_format: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        env=os.environ | {"LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines()


class TestLogs:
    def test_are_lines_of_pairs(self) -> None:
        line = told("line")[0]

        assert re.match(r"timestamp=2\S+Z level=warning logger=ours event=told ", line)
        assert all(
            pair in line for pair in ("duty=send:3", 'name="Đỗ 👍"', "order=7", "provider=3")
        )

    def test_are_one_object_a_line_in_json(self) -> None:
        ours, theirs = (json.loads(line) for line in told("json"))

        assert ours.pop("timestamp").startswith("2")
        assert ours == {
            "event": "told",
            "level": "warning",
            "logger": "ours",
            "duty": "send:3",
            "provider": 3,
            "order": 7,
            "name": "Đỗ 👍",
        }
        assert (theirs["event"], theirs["logger"], theirs["duty"]) == ("failed", "theirs", "send:3")
        assert "ValueError: two\nlines" in theirs["exception"]
