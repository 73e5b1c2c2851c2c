from __future__ import annotations

import pytest

from relaypanel.look import icons


def test_an_icon_is_passed_over_by_screen_readers() -> None:
    drawn = icons.icon("wallet", 18, "balance-plus")

    assert 'aria-hidden="true"' in drawn
    assert 'width="18"' in drawn
    assert 'class="balance-plus"' in drawn


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Facebook", ("brand-facebook", "facebook")),
        ("TikTok 🇻🇳", ("brand-tiktok", "tiktok")),
        ("X (Twitter)", ("brand-x", "x")),
        ("Of our own", ("world", "plain")),
    ],
)
def test_a_platform_is_known_by_its_name(name: str, drawn: tuple[str, str]) -> None:
    assert icons.platform(name) == drawn


def test_every_platform_has_an_icon() -> None:
    for _, name, _ in icons._PLATFORMS:
        assert "<svg" in icons.icon(name)
