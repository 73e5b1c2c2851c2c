from __future__ import annotations

from html.parser import HTMLParser

import pytest

from relaypanel.storefront import markup


def parts(html: str) -> tuple[set[str], list[tuple[str, str]]]:
    """Return the tags of a piece of HTML, as a browser reads it, and all their attributes."""
    tags: set[str] = set()
    attributes: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            attributes.extend((name, value or "") for name, value in attrs)

    Reader().feed(html)
    return tags, attributes


class TestHtml:
    def test_draws_what_owners_write(self) -> None:
        drawn = markup.html("# Giá\n\nRẻ **lắm**: [xem](https://example.com/a?b=1&c=2)\n\n- một\n")

        assert "<h2>Giá</h2>" in drawn
        assert "<strong>lắm</strong>" in drawn
        assert '<a href="https://example.com/a?b=1&amp;c=2" rel="noopener noreferrer">' in drawn
        assert "<li>một</li>" in drawn

    @pytest.mark.parametrize("marks", ["#", "##", "###", "######"])
    def test_leaves_the_first_heading_to_the_page(self, marks: str) -> None:
        assert "<h1" not in markup.html(f"{marks} Title")

    def test_draws_tables(self) -> None:
        assert "<td>2</td>" in markup.html("| a | b |\n|---|---|\n| 1 | 2 |\n")

    @pytest.mark.parametrize(
        "text",
        [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "![x](https://evil.example/pixel.png)",
            '<a href="x" onclick="y">z</a>',
            "<style>*{display:none}</style>",
            '[x](https://a.example "t" onmouseover="x")',
            "[x](data:text/html,hi)",
        ],
    )
    def test_lets_nothing_through_that_acts_or_loads(self, text: str) -> None:
        tags, attributes = parts(markup.html(text))

        assert tags <= {"p", "a"}
        assert all(value.startswith("http") for name, value in attributes if name != "rel")
        assert {name for name, _ in attributes} <= {"href", "rel"}
