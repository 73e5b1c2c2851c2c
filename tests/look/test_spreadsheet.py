from __future__ import annotations

import pytest

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
