from __future__ import annotations

import pytest

from relaypanel.payments import vietqr


class TestCrc:
    def test_is_that_of_the_catalogues(self) -> None:
        # The check value of CRC-16/IBM-3740, also called CCITT-FALSE.
        assert vietqr.crc(b"123456789") == 0x29B1
        assert vietqr.crc(b"") == 0xFFFF


class TestPayload:
    @pytest.mark.parametrize(
        ("bank_bin", "account", "amount", "purpose", "text"),
        [
            (
                "970436",
                "1023456789",
                1_943_000,
                "TT000069",
                "00020101021238540010A00000072701240006970436011010234567890208QRIBFTTA"
                "5303704540719430005802VN62120808TT0000696304A8E5",
            ),
            (
                "970422",
                "VQRQADAIJ5512",
                7000,
                "TL89 100",
                "00020101021238570010A000000727012700069704220113VQRQADAIJ55120208QRIBFTTA"
                "5303704540470005802VN62120808TL89 1006304E346",
            ),
        ],
    )
    def test_is_what_banks_read(
        self, bank_bin: str, account: str, amount: int, purpose: str, text: str
    ) -> None:
        assert (
            vietqr.payload(bank_bin=bank_bin, account=account, amount=amount, purpose=purpose)
            == text
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"bank_bin": "97043"},
            {"bank_bin": "٩٧٠٤٣٦"},
            {"account": ""},
            {"account": "12-34"},
            {"amount": 0},
            {"purpose": "x" * 26},
            {"purpose": "đơn"},
        ],
    )
    def test_is_not_made_of_what_no_bank_reads(self, wrong: dict[str, object]) -> None:
        right: dict[str, object] = {
            "bank_bin": "970436",
            "account": "1023456789",
            "amount": 1,
            "purpose": "RP7K3QXM9T",
        }
        with pytest.raises(AssertionError):
            vietqr.payload(**right | wrong)  # type: ignore[arg-type]


class TestIsAccount:
    @pytest.mark.parametrize(
        ("bank_bin", "account", "answer"),
        [("970436", "1023456789", True), ("", "", False), ("970436", "10 23", False)],
    )
    def test_tells_whether_a_code_can_be_drawn(
        self, bank_bin: str, account: str, answer: bool
    ) -> None:
        assert vietqr.is_account(bank_bin=bank_bin, account=account) is answer
