"""A panel as its owner sets it up, by commands, and as a reseller uses it, by API v2."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.processes import Panel

WAIT_SECONDS = 60


LINK = "https://example.com/story"
# One good order of every type; where the items are the order, as many as are listed.
SAMPLES: dict[str, dict[str, object]] = {
    "Default": {"quantity": 200},
    "Package": {},
    "SEO": {"quantity": 200, "keywords": "mua hoa\nhoa tươi"},
    "Custom Comments": {"comments": "đẹp\nquá\nok 👍"},
    "Custom Comments Package": {"comments": "một\nhai"},
    "Mentions": {"quantity": 200, "usernames": "an\nbinh"},
    "Mentions with Hashtags": {"quantity": 200, "usernames": "an", "hashtags": "#a\n#b"},
    "Mentions Custom List": {"usernames": "an\nbinh\nchi"},
    "Mentions Hashtag": {"quantity": 200, "hashtag": "#a"},
    "Mentions User Followers": {"quantity": 200, "username": "an"},
    "Mentions Media Likers": {"quantity": 200, "media": LINK},
    "Comment Likes": {"quantity": 200, "username": "an"},
    "Comment Replies": {"username": "an", "comments": "một\nhai"},
    "Poll": {"quantity": 200, "answer_number": 2},
    "Invites from Groups": {"quantity": 200, "groups": "g1\ng2"},
    "Subscriptions": {"username": "an", "min": 10, "max": 20, "posts": 2, "delay": 0},
    "Web Traffic": {"quantity": 200, "country": "VN", "device": 1, "type_of_traffic": 3},
}


class Reseller:
    """A client of API v2 as they are in the field: a form in, JSON out."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = f"{url}/api/v2", key

    def ask(self, action: str, **fields: object) -> Any:
        form = {"key": self.key, "action": action} | fields
        request = urllib.request.Request(self.url, urllib.parse.urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=30) as reply:
            assert reply.status == 200
            return json.load(reply)

    def add(self, **fields: object) -> int:
        reply = self.ask("add", **fields)
        assert "order" in reply, reply
        order: int = reply["order"]
        return order

    def service(self, word: str) -> dict[str, Any]:
        """Return the one service whose name holds `word`."""
        [found] = [row for row in self.ask("services") if word in row["name"]]
        service: dict[str, Any] = found
        return service


def open_shop(panel: Panel, *, upstream_url: str, upstream_key: str, mark_up: str = "20") -> None:
    """Sell all that a panel upstream sells."""
    panel.run(
        *("provider", "add", "upstream", f"{upstream_url}/api/v2", "--key-stdin"),
        *("--poll-seconds", "1", "--deadline-ms", "5000"),
        stdin=f"{upstream_key}\n",
    )
    panel.run("provider", "refresh", "upstream")
    panel.run("catalogue", "import", "upstream", "--mark-up", mark_up)


def enrol(panel: Panel, name: str, *, deposit: str) -> str:
    """Make a customer with money, and return the API key."""
    created = panel.run("user", "create", name)
    panel.run("user", "deposit", name, deposit, "--reference", f"first of {name}")
    return created.split()[-1]


def until(look: Callable[[], bool], *, what: str, seconds: float = WAIT_SECONDS) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
