"""R20: what people and providers write is shown as text, on every page and in every export."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from django.template import engines
from django.test import Client

from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Category, Platform, Service
from relaypanel.providers.models import Provider
from tests import cast
from tests.dashboard.browser import signed_in
from tests.hostile import planted, walk
from tests.hostile.size import tell

_ELEMENTS = ("script", "img", "svg", "iframe", "object", "embed", "video", "details", "math")
_BREAKS = ("", '"', "'", "-->", "</title>", "</textarea>", "</script>", "</style>")
_MARK = "<b data-live=1>"
PAYLOADS = (
    *(
        f"{cut}><{name} data-live=1 src=x onerror=alert(1)>"
        for cut in _BREAKS
        for name in _ELEMENTS[:5]
    ),
    *(f"<{name} data-live=1 onload=alert(1)>" for name in _ELEMENTS),
    *('" data-live=1 onmouseover="alert(1)', "' data-live=1 autofocus onfocus='alert(1)"),
    *("javascript:alert(1)//data-live", "jav\tascript:alert(1)", f"data:text/html,{_MARK}"),
    *(f"{start}{_MARK}" for start in ("{{7*7}}", "{% debug %}", "=cmd()|", "+1", "@SUM(1)")),
    f"-2+3{_MARK}",
    "&lt;b data-live=1&gt;",
)
# A cell that a spreadsheet takes for a formula, unless it is a plain number.
_FORMULA = re.compile(r"[=+\-@\t\r\x00]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Live(HTMLParser):
    """Finds what a browser would run: elements that were planted, handlers, addresses of code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            text = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name == "data-live" or name.startswith("on"):
                self.found.append(f"<{tag} {name}>")
            elif name in ("href", "src", "action", "formaction") and text.startswith(
                ("javascript:", "vbscript:", "data:text")
            ):
                self.found.append(f"<{tag} {name}={text[:30]}>")
        if tag == "script" and not dict(attrs).get("src", "").startswith("/static/"):  # type: ignore[union-attr]
            kind = dict(attrs).get("type")
            # Data for others to read; no browser runs it.
            if kind not in ("application/json", "application/ld+json"):
                self.found.append(f"<script {attrs}>")


def live(text: str) -> list[str]:
    reader = Live()
    reader.feed(text)
    return reader.found


def plant(user: User, payload: str, number: int) -> None:
    """Write the payload into whatever customers and providers write."""
    platform = Platform.objects.create(name=payload[:60] + str(number))
    category = Category.objects.create(platform=platform, name=payload[:60] + str(number))
    service = cast.service(rate="1", name=payload, description=payload)
    Service.objects.filter(pk=service.pk).update(category=category)
    cast.route(service, Provider.objects.get(), upstream_id=str(number))
    planted.belongings(user, service, text=payload)


@pytest.fixture
def browsers(db: None) -> list[Client]:
    alice, carol = cast.alice(balance="100").user, cast.carol().user
    User.objects.filter(pk=carol.pk).update(role="owner")
    cast.provider()
    for number, payload in enumerate(PAYLOADS):
        plant(alice, payload, number)
    User.objects.filter(pk=alice.pk).update(display_name=PAYLOADS[0][:60])
    return [signed_in(alice), signed_in(User.objects.get(pk=carol.pk)), Client()]


def formulas(text: str) -> list[str]:
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    return [it for it in cells if _FORMULA.match(it) and not _NUMBER.fullmatch(it)]


class TestPages:
    def test_show_everything_as_text(self, browsers: list[Client]) -> None:
        nodes, bare, cells, failed, pages = [], [], [], [], 0
        numbers = sorted(set(range(1, 4)) | {Service.objects.latest("pk").pk})
        for browser in browsers:
            for address in walk.addresses():
                for path in address.fillings(numbers if address.gaps else [1]):
                    if "logout" in path:
                        continue
                    reply = walk.body(browser, "get", path)
                    kind = reply.headers.get("content-type", "")
                    pages += 1
                    failed += [path] * (reply.status >= 500)
                    if kind.startswith("text/html") and reply.text:
                        nodes += [f"{path}: {it}" for it in live(reply.text)]
                        policy = reply.headers.get("content-security-policy", "")
                        bare += [path] * ("script-src 'self'" not in policy or "unsafe" in policy)
                    elif "csv" in kind:
                        cells += [f"{path}: {it}" for it in formulas(reply.text)]
        tell(
            f"R20 payloads: {len(PAYLOADS)} in every text, {pages} pages, live nodes {len(nodes)},"
            f" without policy {len(bare)}, formulas in exports {len(cells)}"
        )
        # What fails shows nothing, of which nothing is to be learnt.
        assert failed == []
        assert sorted(set(nodes)) == []
        assert sorted(set(bare)) == []
        assert cells == []

    @pytest.mark.parametrize(("filtered", "expected"), [("", 0), ("|safe", len(PAYLOADS) // 2)])
    def test_are_told_from_pages_that_do_not(self, filtered: str, expected: int) -> None:
        """The twin: |safe."""
        template = engines["django"].from_string(f"<p>{{{{ text{filtered} }}}}</p>")
        found = [it for payload in PAYLOADS for it in live(template.render({"text": payload}))]

        tell(f"R20 twin, '{filtered}': live nodes {len(found)}")
        assert len(found) == 0 if not expected else len(found) > expected

    def test_are_told_from_exports_that_do_not(self) -> None:
        assert formulas('"=cmd()","-1.5","-2+3","ok"\n') == ["=cmd()", "-2+3"]
