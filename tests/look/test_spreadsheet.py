from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from django.utils.translation import gettext

from relaypanel.look import spreadsheet
from relaypanel.look.spreadsheet import Number


class TestSafe:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
    def test_makes_text_of_a_formula(self, text: str) -> None:
        assert spreadsheet.safe(text) == f"'{text}"

    @pytest.mark.parametrize(
        ("cell", "text"),
        [(None, ""), (-5, "-5"), (Number("-0.5"), "-0.5"), ("đơn = 1", "đơn = 1")],
    )
    def test_leaves_the_rest_as_it_is(self, cell: object, text: str) -> None:
        assert spreadsheet.safe(cell) == text


class TestResponse:
    def test_is_sent_in_parts(self) -> None:
        answer = spreadsheet.response(((at, "a,b") for at in range(1000)), name="list")

        parts = list(answer.streaming_content)  # type: ignore[arg-type]

        assert len(parts) > 1
        assert b"".join(parts).decode("utf-8-sig").startswith('0,"a,b"\r\n1,')
        assert answer["Content-Disposition"] == 'attachment; filename="list.csv"'

    def test_is_written_for_its_reader_when_it_is_sent_later(self) -> None:
        def rows() -> Iterator[tuple[object, ...]]:
            yield gettext("Status"), datetime(2026, 11, 24, 18, tzinfo=UTC)

        with translation.override("vi"), timezone.override(ZoneInfo("Asia/Ho_Chi_Minh")):
            answer = spreadsheet.response(rows(), name="list")

        sent = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
        assert sent == "Trạng thái,2026-11-25 01:00:00+07:00\r\n"
