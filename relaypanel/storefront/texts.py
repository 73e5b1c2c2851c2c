"""The texts of the public pages, in the owner's words where there are any.

A door asks `of` for a place and a language.  None: the owner wrote nothing, and the page's own
template speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from relaypanel import errors
from relaypanel.storefront import markup
from relaypanel.storefront.models import LANGUAGES, Text, TextPage

CHARACTERS_MAX: Final = 50_000


class TextTooLong(errors.Refused):
    code = "text_too_long"

    def __init__(self) -> None:
        super().__init__(f"This text is too long: at most {CHARACTERS_MAX} characters.")


class UnknownText(errors.Refused):
    code = "unknown_text"

    def __init__(self, *, page: str, language: str) -> None:
        super().__init__(f"There is no place for a text {page[:20]!r} in {language[:10]!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What the owner wrote, and in which language: it may be another than the one asked for."""

    html: SafeString
    language: str


def of(*, page: TextPage, language: str) -> Written | None:
    """Return the owner's text, in this language if there is one, else in any; None: there is none.

    The owner's terms in another language are still the terms; ours would be an invention.
    """
    rows = list(Text.objects.filter(page=page).order_by("language"))
    rows.sort(key=lambda row: row.language != language)
    if not rows:
        return None
    return Written(html=markup.html(rows[0].body), language=rows[0].language)


def written(*, page: TextPage) -> dict[str, str]:
    """Return what the owner wrote for a place, as it was typed, by language."""
    return dict(Text.objects.filter(page=page).values_list("language", "body"))


def write(*, page: str, language: str, body: str, now: datetime) -> None:
    """Keep the owner's words for a place; nothing but space takes them away.

    Raises UnknownText and TextTooLong.
    """
    if page not in TextPage.values or language not in LANGUAGES:
        raise UnknownText(page=page, language=language)
    if len(body) > CHARACTERS_MAX:
        raise TextTooLong
    body = body.replace("\0", "").strip()
    if not body:
        Text.objects.filter(page=page, language=language).delete()
        return
    Text.objects.update_or_create(
        page=page, language=language, defaults={"body": body, "written_at": now}
    )
