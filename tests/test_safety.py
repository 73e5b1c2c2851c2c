from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from relaypanel import safety
from relaypanel.preflight import CannotStart


@pytest.fixture(autouse=True)
def good(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PUBLIC_URL = "https://panel.example"
    settings.ALLOWED_HOSTS = ["panel.example"]
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.DEBUG = False
    file = tmp_path / ".env"
    file.touch(mode=0o600)
    monkeypatch.setenv("RELAYPANEL_ENV_FILE", str(file))
    # A database of the tests is as readable as their files are.
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", ":memory:")


class TestJudge:
    def test_finds_nothing_in_a_good_panel(self, settings: Settings) -> None:
        assert safety.judge() == []

    @pytest.mark.parametrize("allowed", [".example", "*", "panel.example"])
    def test_takes_each_way_to_allow_a_host(self, allowed: str, settings: Settings) -> None:
        settings.ALLOWED_HOSTS = [allowed]

        assert safety.judge() == []

    @pytest.mark.parametrize(
        ("name", "value", "id_"),
        [
            ("TRUSTED_PROXIES", [], "relaypanel.E001"),
            ("ALLOWED_HOSTS", ["other.example"], "relaypanel.E002"),
            ("DEBUG", True, "relaypanel.E003"),
        ],
    )
    def test_finds_what_is_not(
        self, name: str, value: object, id_: str, settings: Settings
    ) -> None:
        setattr(settings, name, value)

        assert [found.id for found in safety.judge()] == [id_]
        with pytest.raises(CannotStart, match=f"^{name}: "):
            safety.require()

    def test_warns_of_keys_that_others_can_read(self, tmp_path: Path) -> None:
        (tmp_path / ".env").chmod(0o644)

        assert [found.id for found in safety.judge()] == ["relaypanel.W001"]
        safety.require()
