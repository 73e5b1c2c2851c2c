from __future__ import annotations

import pytest
from django.urls import Resolver404, resolve

from relaypanel.look.numbers import IdConverter, number, numbers


class TestNumber:
    def test_is_what_both_databases_can_be_asked_for(self) -> None:
        assert number("0") == 0
        assert number(str(2**63 - 1)) == 2**63 - 1

    @pytest.mark.parametrize(
        "text", ["", "-1", "1.5", " 1", "١", "x", str(2**63), "9" * 40, "9" * 5000, "²"]
    )
    def test_is_none_for_any_other_text(self, text: str) -> None:
        assert number(text) is None


class TestNumbers:
    def test_leaves_out_what_is_none(self) -> None:
        assert numbers(["3", "", "x", "2", "9" * 5000, "3"]) == [3, 2, 3]


class TestIdConverter:
    def test_reads_an_id(self) -> None:
        assert IdConverter().to_python("12") == 12

    @pytest.mark.parametrize("text", [str(2**63), "9" * 5000])
    def test_knows_no_path_to_what_no_row_has(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^$"):
            IdConverter().to_python(text)
        with pytest.raises(Resolver404):
            resolve(f"/orders/{text}")
