"""Holds the pages against the program: what they name is there, and what must be named is.

docs/operating.md has a test of its own: test_operating.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaypanel.__main__ import COMMANDS
from relaypanel.api_v2.wire import WORDS
from relaypanel.orders import states
from relaypanel.orders.models import Status
from tests.tidy import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# A file of ours as a page names it, with or without a class in it: `orders/send.py::Intent`.
_FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/[\w.-]+\.(?:py|md|toml))(?:::(\w+))?`")
_LAYOUT_LINE = re.compile(r"^( *)([\w/]+(?:\.py|/))(?: +(\S.*))?$")


def page(path: str) -> str:
    return (ROOT / path).read_text()


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCED.sub("", text)


def anchors(text: str) -> set[str]:
    """Return what a link may name after "#", as repository hosts derive it from headings."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(prose(text)))
    return {title.strip().replace(" ", "-") for title in titles}


def broken_links(path: Path) -> Iterator[str]:
    for link in _LINK.findall(prose(path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            yield link


def missing_files(text: str) -> Iterator[str]:
    for name, inside in _FILE.findall(prose(text)):
        found = [root / name for root in (ROOT, ROOT / "relaypanel") if (root / name).exists()]
        if not found or (inside and f"class {inside}" not in found[0].read_text()):
            yield f"{name}::{inside}"


def layout(text: str) -> set[str]:
    """Return the modules that the layout of ARCHITECTURE.md draws, by their paths."""
    drawing = text.partition("```text\nrelaypanel/")[2].partition("```")[0]
    folders: dict[int, str] = {0: "relaypanel/"}
    modules = set()
    for line in drawing.splitlines():
        if match := _LAYOUT_LINE.match(line):
            depth, name = len(match[1]) // 2, match[2]
            if name.endswith("/"):
                folders[depth] = folders[depth - 1] + name
            else:
                modules.add(folders[depth - 1] + name)
    return modules


def table_rows(text: str, heading: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield what the first two cells of a section's table name in backticks."""
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3]]
        if len(cells) == 2 and all(cells):
            yield cells[0], cells[1]


class TestPages:
    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_link_to_what_is_there(self, path: Path) -> None:
        assert list(broken_links(path)) == []

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_name_files_and_classes_that_are_there(self, path: Path) -> None:
        assert list(missing_files(path.read_text())) == []

    def test_are_all_found(self) -> None:
        names = {path.relative_to(ROOT).as_posix() for path in PAGES}

        assert {"README.md", "STYLE.md", "docs/api-v2.md", "docs/order-states.md"} <= names


class TestReadme:
    def test_names_the_commands_that_a_new_panel_needs(self) -> None:
        named = set(re.findall(r"relaypanel ([a-z]+)", page("README.md")))

        assert named <= set(COMMANDS)
        assert {"init", "migrate", "createstaff", "provider", "catalogue", "user", "serve"} <= named

    def test_and_the_page_for_operators_name_every_command(self) -> None:
        text = page("README.md") + page("docs/operating.md")
        folder = ROOT / "relaypanel" / "management" / "commands"
        commands = {module.stem for module in folder.glob("*.py")} - {"__init__"}

        assert len(commands) > 10
        assert {
            name for name in commands if not re.search(rf"`(relaypanel )?{name}\b", text)
        } == set()


class TestArchitecture:
    def test_draws_every_module_and_no_other(self) -> None:
        modules = {
            module.relative_to(ROOT).as_posix()
            for module in (ROOT / "relaypanel").rglob("*.py")
            if module.name != "__init__.py" and "migrations" not in module.parts
        }

        assert layout(page("ARCHITECTURE.md")) == modules


class TestOrderStates:
    def test_draws_every_arrow_once_and_no_other(self) -> None:
        rows = table_rows(page("docs/order-states.md"), "The arrows")
        drawn = [(origin, to) for origins, ends in rows for origin in origins for to in ends]

        arrows = {(origin, to) for origin, ends in states.ARROWS.items() for to in ends}

        assert len(drawn) == len(set(drawn))
        assert set(drawn) == arrows

    def test_says_the_word_on_the_wire_of_each_state(self) -> None:
        rows = table_rows(
            page("docs/order-states.md"), "What each state means, and its word on the wire"
        )

        told = {Status(state): word for (state,), (word,) in rows}

        assert told == states.WORDS


class TestApiV2:
    @pytest.mark.parametrize("code", WORDS)
    def test_tells_the_words_of_each_refusal(self, code: str) -> None:
        told = " ".join(page("docs/api-v2.md").split())
        # What stands in the words' gaps is an example in the page.
        words = re.sub(r"\\{.*?\\}", r"[^`]+", re.escape(WORDS[code]))

        assert re.search(f"`{words}`", told)


class TestReaders:
    """What reads the pages, against planted faults."""

    @pytest.mark.parametrize("link", ["[a](nowhere.md)", "[a](#nothing)", "[a](README.md#nothing)"])
    def test_find_a_broken_link(self, link: str, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("# Title\n")
        written = tmp_path / "page.md"
        written.write_text(f"# Two words\n[b](#two-words) [c](README.md#title)\n{link}\n")

        assert list(broken_links(written)) == [re.findall(r"\((.*)\)", link)[0]]

    @pytest.mark.parametrize("name", ["orders/nothing.py::", "orders/send.py::Nothing"])
    def test_find_a_file_or_a_class_that_is_not_there(self, name: str) -> None:
        text = f"`orders/send.py`, `orders/send.py::Parcel` and `{name.removesuffix('::')}`"

        assert list(missing_files(text)) == [name]

    def test_read_the_layout(self) -> None:
        drawn = "```text\nrelaypanel/\n  money.py   amounts\n\n  a/   x\n    b.py   y\n```"

        assert layout(drawn) == {"relaypanel/money.py", "relaypanel/a/b.py"}
