from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from relaypanel.look.keyset import before_id, next_page


class TestBeforeId:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("", None),
            ("12", 12),
            ("-1", None),
            ("1e9", None),
            ("²", None),
            ("9" * 19, None),
        ],
    )
    def test_reads_an_id_and_nothing_else(self, text: str, number: int | None) -> None:
        assert before_id(RequestFactory().get("/", {"before": text})) == number


class TestNextPage:
    def test_keeps_the_filters(self) -> None:
        request = RequestFactory().get("/", {"state": "held", "before": "90"})
        rows = [SimpleNamespace(pk=80), SimpleNamespace(pk=71)]

        assert next_page(request, rows, more=True) == "?state=held&before=71"
        assert next_page(request, rows, more=True, name="past").endswith("&before=90&past=71")
        assert next_page(request, rows, more=False) == ""
        assert next_page(request, [], more=True) == ""
