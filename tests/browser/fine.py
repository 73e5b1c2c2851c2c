"""What must hold on every page, whatever it shows: nothing in the console, nothing against the
content policy, no sideways scrolling, nothing that axe finds wrong.
"""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response

# The rules of WCAG 2.2 A and AA, and axe's own of good practice.
_AXE: Final = Axe()
_SIDEWAYS: Final = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("body *")]
    .filter((part) => part.getBoundingClientRect().right > room + 1)
    .slice(0, 5)
    .map((part) => part.outerHTML.slice(0, 120));
}"""


class Watch:
    """Writes down what browsers complain of.  A refusal (403, 404) that a test asked for is told
    to the watch by `expects`.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._expected: set[int] = set()

    def expects(self, *statuses: int) -> None:
        self._expected.update(statuses)

    def follow(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("response", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # A failed request is judged by its status below.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.complaints.append(f"{response.status}: {response.url}")


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page as it stands now."""
    return [*_sideways(page), *_found_by_axe(page)]


def _sideways(page: Page) -> list[str]:
    return [f"wider than the screen: {part}" for part in page.evaluate(_SIDEWAYS)]


def _found_by_axe(page: Page) -> list[str]:
    violations: list[dict[str, Any]] = _AXE.run(page).response["violations"]
    return [
        f"axe {violation['id']}: {node['html'][:160]} {_reason(node)}"
        for violation in violations
        for node in violation["nodes"][:3]
    ]


def _reason(node: dict[str, Any]) -> str:
    return str(node.get("failureSummary", "")).replace("\n", " ")[:200]
