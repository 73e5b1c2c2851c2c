"""Every word that the pages say is there in Vietnamese too."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests import translations

# Names and abbreviations that are the same in both languages.
SAME_IN_BOTH = frozenset(
    ("API", "CSV", "GET", "HTTP", "HTTPS", "ID", "IDs", "JSON", "POST", "QR", "TOTP", "URL")
) | {"English", "Node", "PHP", "Python", "Tiếng", "Việt", "VietQR", "curl"}
# Said before any language is chosen, or in both at once.
BILINGUAL = frozenset(("500.html", "language.html"))


class TestVietnamese:
    def test_has_every_text(self) -> None:
        assert [f"{one.where}: {one.text}" for one in translations.missing()] == []

    def test_keeps_the_placeholders(self) -> None:
        wrong = []
        for path, catalogue in translations.catalogues().items():
            for message in catalogue:
                if not message.id:
                    continue
                source = message.id if isinstance(message.id, str) else message.id[-1]
                texts = translations.texts(message)
                if any(
                    translations.placeholders(text) != translations.placeholders(source)
                    for text in texts
                ):
                    wrong.append(f"{path.parts[-4]}: {source}")

        assert wrong == []

    def test_says_the_same_thing_the_same_way_everywhere(self) -> None:
        ways = defaultdict(set)
        for catalogue in translations.catalogues().values():
            for message in catalogue:
                if message.id:
                    ways[message.context, str(message.id)].add(str(message.string))

        assert {text: found for text, found in ways.items() if len(found) > 1} == {}

    def test_has_no_text_that_nobody_says(self) -> None:
        said = {(one.context, one.first) for one in translations.said()}
        unsaid = [
            f"{path.parts[-4]}: {message.id}"
            for path, catalogue in translations.catalogues().items()
            for message in catalogue
            if message.id
            and (message.context, message.id if isinstance(message.id, str) else message.id[0])
            not in said
        ]

        assert unsaid == []


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(translations.PACKAGE.rglob("*.html")) if path.name not in BILINGUAL],
    ids=lambda path: path.name,
)
def test_a_template_says_nothing_unmarked(path: Path) -> None:
    bare = translations.bare_words(path.read_text())

    assert [word for word in bare if word not in SAME_IN_BOTH] == []


class TestBareWords:
    def test_are_found_in_text_and_in_what_is_read_aloud(self) -> None:
        template = '<a href="/x" aria-label="Open it">{% translate "Fine" %} Oops</a>'

        assert translations.bare_words(template) == ["Oops", "Open", "it"]

    def test_are_not_the_words_of_code(self) -> None:
        template = '<p class="card" title="{% translate "Fine" %}">{{ name }} {# why #}&nbsp;</p>'

        assert translations.bare_words(template) == []
