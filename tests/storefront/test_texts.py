from __future__ import annotations

import pytest
from django.db import IntegrityError

from relaypanel.storefront import texts
from relaypanel.storefront.models import Text, TextPage
from tests.cast import NOW


def write(body: str, language: str = "en") -> None:
    texts.write(page=TextPage.TERMS, language=language, body=body, now=NOW)


@pytest.mark.django_db
class TestOf:
    def test_is_the_owners_in_the_readers_language(self) -> None:
        write("*Pay* first.")
        write("Trả *trước*.", "vi")

        found = texts.of(page=TextPage.TERMS, language="vi")

        assert found is not None
        assert (found.html, found.language) == ("<p>Trả <em>trước</em>.</p>\n", "vi")

    def test_is_the_owners_in_another_language_before_ours(self) -> None:
        write("Trả trước.", "vi")

        found = texts.of(page=TextPage.TERMS, language="en")

        assert found is not None
        assert found.language == "vi"

    def test_is_none_where_nothing_was_written(self) -> None:
        write("Pay first.")

        assert texts.of(page=TextPage.FAQ, language="en") is None


@pytest.mark.django_db
class TestWrite:
    def test_replaces_what_was_there(self) -> None:
        write("One.")
        write("Two.")

        assert texts.written(page=TextPage.TERMS) == {"en": "Two."}

    def test_of_nothing_brings_ours_back(self) -> None:
        write("One.")
        write(" \n ")

        assert texts.of(page=TextPage.TERMS, language="en") is None

    @pytest.mark.parametrize(("page", "language"), [("secret", "en"), ("terms", "xx")])
    def test_refuses_a_place_that_is_not_there(self, page: str, language: str) -> None:
        with pytest.raises(texts.UnknownText):
            texts.write(page=page, language=language, body="x", now=NOW)

    def test_refuses_what_is_too_long(self) -> None:
        with pytest.raises(texts.TextTooLong):
            write("x" * (texts.CHARACTERS_MAX + 1))

        assert not Text.objects.exists()

    def test_keeps_no_character_that_a_database_refuses(self) -> None:
        write("a\0b")

        assert texts.written(page=TextPage.TERMS) == {"en": "ab"}


@pytest.mark.django_db
class TestText:
    @pytest.mark.parametrize(
        "wrong", [{"language": "xx"}, {"page": "secret"}, {"body": ""}, {"page": "faq"}]
    )
    def test_is_kept_whole_by_the_database(self, wrong: dict[str, str]) -> None:
        texts.write(page=TextPage.FAQ, language="en", body="x", now=NOW)
        columns = {"page": "terms", "language": "en", "body": "x"} | wrong

        with pytest.raises(IntegrityError):
            Text.objects.create(**columns, written_at=NOW)
