from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.contract import OrderType, OrderWord, RefillWord, SubscriptionWord
from relaypanel.providers import dialect
from relaypanel.providers.dialect import Json


class TestDecode:
    def test_keeps_numbers_as_they_are_written(self) -> None:
        body = b'{"a": 1, "b": "1", "c": 0.10, "d": 1e-5, "e": -0, "f": [true, null]}'

        read = dialect.decode(body)

        assert read == {
            "a": "1",
            "b": "1",
            "c": "0.10",
            "d": "1e-5",
            "e": "-0",
            "f": [True, None],
        }

    def test_reads_past_a_byte_order_mark(self) -> None:
        assert dialect.decode(b'\xef\xbb\xbf {"order": 1}\r\n') == {"order": "1"}

    def test_reads_a_number_of_any_length(self) -> None:
        assert dialect.decode(b"9" * 5000) == "9" * 5000

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"  \n", id="blank"),
            pytest.param(b"<html></html>", id="HTML"),
            pytest.param(b"<br /><b>Warning</b>: x{}", id="PHP warning"),
            pytest.param(b'{"order": 1', id="truncated"),
            pytest.param(b'{"order": 1}{"order": 2}', id="two documents"),
            pytest.param(b'{"order": 1} ok', id="something after"),
            pytest.param(b"{'order': 1}", id="single quotes"),
            pytest.param(b'{"order": 1,}', id="trailing comma"),
            pytest.param(b'{"order": NaN}', id="NaN"),
            pytest.param(b'{"order": Infinity}', id="Infinity"),
            pytest.param(b'{"order": -Infinity}', id="-Infinity"),
            pytest.param(b'{"order": 01}', id="leading zero"),
            pytest.param(b'{"order": 1, "order": 1}', id="a key twice"),
            pytest.param(b'[{"a": {"b": 1, "b": 2}}]', id="a key twice inside"),
            pytest.param(b'{"name": "\xff"}', id="no UTF-8"),
            pytest.param(b'{"name": "a\nb"}', id="bare line break"),
            pytest.param('{"order": 1}'.encode("utf-16"), id="UTF-16"),
            pytest.param(b"[" * 100_000, id="deep"),
            pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep and closed"),
        ],
    )
    def test_refuses_what_is_not_one_strict_document(self, body: bytes) -> None:
        with pytest.raises(dialect.NotJson):
            dialect.decode(body)

    @given(st.binary(max_size=60))
    def test_raises_nothing_else(self, body: bytes) -> None:
        with suppress(dialect.NotJson):
            dialect.decode(body)


class TestAmount:
    @pytest.mark.parametrize(
        ("value", "amount_e8"),
        [
            ("0.27819", 27_819_000),
            (" 15000 ", 15_000 * 10**8),
            ("1.0e-5", 1_000),
            ("2E+3", 2_000 * 10**8),
            ("0.123456785", 12_345_679),
            ("0.123456784999", 12_345_678),
            ("0.000000004", 0),
            ("-1.5", -150_000_000),
            ("+1", 10**8),
            ("90000000000", money.MAX_E8),
        ],
    )
    def test_is_exact(self, value: str, amount_e8: int) -> None:
        assert dialect.amount_e8(value) == amount_e8

    @pytest.mark.parametrize(
        "value",
        [
            *("", "0,27", "1,000.5", "$1", "1 USD", "NaN", "inf", "0x10", "1_000", "١", "．5"),
            *("90000000000.00000001", "1e30", "1e99", "1e999999999", "9" * 31, "1." + "1" * 61),
            *(None, True, False, [], ["1"], {}, {"rate": "1"}),
        ],
    )
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.amount_e8(value) is None

    @given(st.integers(min_value=-money.MAX_E8, max_value=money.MAX_E8))
    def test_reads_back_what_money_writes(self, amount_e8: int) -> None:
        assert dialect.amount_e8(money.text(amount_e8)) == amount_e8

    @given(st.decimals(min_value=0, max_value=10**9, places=12))
    @example(Decimal("0.000000005"))
    def test_rounds_half_up(self, rate: Decimal) -> None:
        read_e8 = dialect.amount_e8(format(rate, "f"))

        assert read_e8 is not None
        assert Decimal("-0.5") < read_e8 - rate * 10**8 <= Decimal("0.5")


class TestWhole:
    @pytest.mark.parametrize(
        ("value", "number"),
        [
            ("157", 157),
            (" 157 ", 157),
            ("157.0", 157),
            ("1e3", 1000),
            ("-5", -5),
            ("0", 0),
            ("007", 7),
            (str(2**63 - 1), 2**63 - 1),
        ],
    )
    def test_is_read_in_any_form(self, value: str, number: int) -> None:
        assert dialect.whole(value) == number

    @pytest.mark.parametrize(
        "value",
        [
            *("", "Unknown", "1.5", "1e-1", "1,000", "١", "²", str(2**63), "1e99", "9" * 4301),
            *(None, True, [], {}),
        ],
    )
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.whole(value) is None


class TestIdentifier:
    @pytest.mark.parametrize(
        ("value", "upstream_id"),
        [("32", "32"), (" 32 ", "32"), ("32.0", "32"), (str(2**63 - 1), str(2**63 - 1))],
    )
    def test_is_a_positive_whole_number(self, value: str, upstream_id: str) -> None:
        assert dialect.identifier(value) == upstream_id

    @pytest.mark.parametrize(
        "value",
        [
            *("", "0", "-1", "+1", "032", "1.5", "1e3", "abc", "1 2", "١", str(2**63), "9" * 30),
            *(None, True, [], {}),
        ],
    )
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.identifier(value) is None


class TestServiceId:
    @pytest.mark.parametrize("value", ["1", "0012", "ig-likes", "x" * 40])
    def test_is_kept_as_it_came(self, value: str) -> None:
        assert dialect.service_id(value) == value

    @pytest.mark.parametrize("value", ["", "  ", "x" * 41, "a\nb", None, True, []])
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.service_id(value) is None


class TestText:
    def test_keeps_every_script_and_line_break(self) -> None:
        assert dialect.text(" Việt 🇻🇳\nhai ") == "Việt 🇻🇳\nhai"

    def test_drops_what_a_database_refuses(self) -> None:
        read = dialect.decode(rb'"a\u0000b\ud83dc"')

        assert dialect.text(read) == "ab?c"

    @pytest.mark.parametrize("value", [None, True, [], {}])
    def test_is_empty_for_anything_else(self, value: Json) -> None:
        assert dialect.text(value) == ""


class TestFlag:
    @pytest.mark.parametrize("value", [True, "1", "true", "TRUE", " yes ", "on"])
    def test_is_set(self, value: Json) -> None:
        assert dialect.flag(value) is True

    @pytest.mark.parametrize("value", [False, None, "", "0", "false", "no", "2", [], [True], {}])
    def test_is_not_set(self, value: Json) -> None:
        assert dialect.flag(value) is False


class TestOrderType:
    @pytest.mark.parametrize("kind", list(OrderType))
    def test_is_known_in_any_spelling(self, kind: OrderType) -> None:
        word = kind.value

        for spelled in (word, word.upper(), word.lower().replace(" ", "_"), f" {word} "):
            assert dialect.order_type(spelled) is kind

    @pytest.mark.parametrize("value", ["", "Likes", "Defaulted", None, True, []])
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.order_type(value) is None


class TestOrderWord:
    @pytest.mark.parametrize("word", list(OrderWord))
    def test_is_known_in_any_spelling(self, word: OrderWord) -> None:
        for spelled in (word.value, word.upper(), word.lower().replace(" ", "_")):
            assert dialect.order_word(spelled) is word

    @pytest.mark.parametrize(
        "value", ["Cancelled", "Refunded", "Fail", "failed", "ERROR", "cancelled"]
    )
    def test_gives_everything_back_for_an_order_that_failed(self, value: str) -> None:
        assert dialect.order_word(value) is OrderWord.CANCELED

    @pytest.mark.parametrize(
        "value", ["", "Awaiting", "Success", "Partially refunded", "Not completed", None, True, []]
    )
    def test_is_none_for_anything_else(self, value: Json) -> None:
        assert dialect.order_word(value) is None


class TestRefillWord:
    @pytest.mark.parametrize("word", list(RefillWord))
    def test_is_known(self, word: RefillWord) -> None:
        assert dialect.refill_word(word.value.lower()) is word

    def test_is_known_in_variants(self) -> None:
        assert dialect.refill_word("in_progress") is RefillWord.IN_PROGRESS
        assert dialect.refill_word("Processing") is RefillWord.IN_PROGRESS
        assert dialect.refill_word("Cancelled") is RefillWord.REJECTED

    def test_is_none_for_anything_else(self) -> None:
        assert dialect.refill_word("Error") is None


class TestSubscriptionWord:
    @pytest.mark.parametrize("word", list(SubscriptionWord))
    def test_is_known(self, word: SubscriptionWord) -> None:
        assert dialect.subscription_word(word.value.upper()) is word

    def test_is_none_for_anything_else(self) -> None:
        assert dialect.subscription_word("Pending") is None
