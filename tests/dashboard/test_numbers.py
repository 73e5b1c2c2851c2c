from __future__ import annotations

import pytest

from relaypanel.dashboard.numbers import number


class TestNumber:
    def test_is_what_both_databases_can_be_asked_for(self) -> None:
        assert number("0") == 0
        assert number(str(2**63 - 1)) == 2**63 - 1

    @pytest.mark.parametrize("text", ["", "-1", "1.5", " 1", "١", "x", str(2**63), "9" * 40])
    def test_is_none_for_any_other_text(self, text: str) -> None:
        assert number(text) is None
