from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.api_v2 import ids


class TestOne:
    @pytest.mark.parametrize(
        ("text", "id_"),
        [("1", 1), (" 23501\r\n", 23501), ("0", 0), ("9" * 18, 999_999_999_999_999_999)],
    )
    def test_reads_a_number(self, text: str, id_: int) -> None:
        assert ids.one(text) == id_

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "01",
            "00",
            "+1",
            "-1",
            "1.0",
            "1 2",
            "1_0",
            "1e3",
            "0x1",
            "１",
            "²",
            "٣",
            "Ⅷ",
            "9" * 19,
            "9" * 4301,
            "1\x00",
            "\xa01",
            "\u30001",
            "�",
            "1\n2",
            "abc",
        ],
    )
    def test_reads_nothing_in_what_is_no_plain_number(self, text: str) -> None:
        assert ids.one(text) is None

    @given(st.text())
    def test_reads_a_number_or_nothing(self, text: str) -> None:
        id_ = ids.one(text)

        assert id_ is None or (str(id_) == text.strip() and 0 <= id_ < 2**63)


class TestMany:
    def test_keeps_the_order_and_skips_the_empty_and_the_repeated(self) -> None:
        assert ids.many(" 3,1,,3 ,x, ,2,") == {"3": 3, "1": 1, "x": None, "2": 2}

    def test_shortens_what_is_too_long_for_an_id(self) -> None:
        assert ids.many("x" * 41 + "," + "9" * 60_000) == {"x" * 40: None, "9" * 40: None}

    @given(st.lists(st.text(st.characters(codec=None), max_size=60), max_size=90))
    def test_can_be_written_in_a_reply(self, texts: list[str]) -> None:
        asked = ids.many(",".join(texts))

        assert json.loads(json.dumps(asked).encode()) == asked
        for text, id_ in asked.items():
            text.encode()
            assert id_ is None or str(id_) == text

    def test_refuses_more_than_a_hundred(self) -> None:
        assert len(ids.many(",".join(map(str, range(100))))) == 100
        with pytest.raises(ids.TooManyIds):
            ids.many(",".join(map(str, range(101))))
