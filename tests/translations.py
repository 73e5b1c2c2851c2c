"""Reads every word that the pages say, and what the Vietnamese catalogues make of it.

`python -m tests.translations` prints what is not translated yet, with where it stands.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import allauth
import django
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "relaypanel"

_ALLAUTH: Final = Path(allauth.__file__).parent
# Labels and errors of forms that are not ours: the one library brings no Vietnamese of its own,
# the other not all of it.
_BORROWED: Final = (
    *(
        _ALLAUTH / name
        for name in (
            "account/adapter.py",
            "account/forms.py",
            "mfa/adapter.py",
            "mfa/base/forms.py",
            "mfa/totp/forms.py",
            "mfa/webauthn/forms.py",
        )
    ),
    Path(django.__file__).parent / "contrib/auth/password_validation.py",
)

_KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
# What stands in a template without being words: its own code first, then tags and entities.
_CODE: Final = re.compile(
    r"{%\s*(?:blocktranslate|blocktrans)\b.*?{%\s*endblocktrans(?:late)?\s*%}"
    r"|{%\s*comment\s*%}.*?{%\s*endcomment\s*%}"
    r"|{%\s*block main_class\s*%}.*?{%\s*endblock\s*%}"
    r"|{#.*?#}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
_TAGS: Final = re.compile(
    r"<pre\b.*?</pre>|<script\b.*?</script>|<code\b.*?</code>|<!--.*?-->"
    r"|<(?:\"[^\"]*\"|'[^']*'|[^>\"'])*>|&\w+;",
    re.DOTALL,
)
_SPOKEN_ATTRIBUTE: Final = re.compile(
    r"\b(?:aria-label|title|placeholder|alt|data-copied|data-label)"
    r"=(?:\"([^\"]*)\"|'([^']*)')"
)
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Words in the source: `text` is one text, or the singular and the plural."""

    where: str
    text: str | tuple[str, ...]
    context: str | None

    @property
    def first(self) -> str:
        return self.text if isinstance(self.text, str) else self.text[0]


def said() -> Iterator[Said]:
    """Yield every text that the program or a template marks for translation."""
    for path in (*sorted(PACKAGE.rglob("*.py")), *_templates(), *_BORROWED):
        source = path.read_text()
        if path.suffix != ".py":
            # Without the indentation, in which Python would see blocks.
            lines = templatize(source, origin=str(path)).splitlines()
            source = "\n".join(line.lstrip() for line in lines)
        found = extract("python", BytesIO(source.encode()), keywords=_KEYWORDS)
        for line, text, _comments, context in found:
            where = f"{path}:{line}".removeprefix(f"{ROOT}/")
            yield Said(where=where, text=text, context=context)


def _templates() -> list[Path]:
    return sorted((*PACKAGE.rglob("*.html"), *PACKAGE.rglob("templates/**/*.txt")))


def catalogues() -> dict[Path, Catalog]:
    """Return the Vietnamese catalogues by their file."""
    return {
        path: read_po(BytesIO(path.read_bytes()), locale="vi", abort_invalid=True)
        for path in sorted(PACKAGE.glob("locale/*/vi/LC_MESSAGES/django.po"))
    }


def missing() -> list[Said]:
    """Return what is said and has no complete translation."""
    known = {
        (message.context, message.id if isinstance(message.id, str) else message.id[0])
        for catalogue in catalogues().values()
        for message in catalogue
        if message.id and all(texts(message)) and not message.fuzzy
    }
    return [one for one in said() if (one.context, one.first) not in known]


def texts(message: Message) -> tuple[str, ...]:
    """Return the translation: one text, or one for each plural form; ("",) if there is none."""
    string = message.string or ""
    return (string,) if isinstance(string, str) else tuple(string)


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def bare_words(template: str) -> list[str]:
    """Return the words of a template that nobody marked for translation."""
    markup = _CODE.sub(" ", template)
    spoken = (a or b for a, b in _SPOKEN_ATTRIBUTE.findall(markup))
    return [word for text in (_TAGS.sub(" ", markup), *spoken) for word in _LETTERS.findall(text)]


if __name__ == "__main__":
    for one in missing():
        sys.stdout.write(f"{one.where}: {one.context + ' | ' if one.context else ''}{one.text}\n")
