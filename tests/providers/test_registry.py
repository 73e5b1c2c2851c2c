from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from relaypanel.errors import ProviderError, Refused
from relaypanel.providers import registry
from relaypanel.providers.models import Provider
from tests import cast

pytestmark = pytest.mark.django_db

URL = "https://panel.example/api/v2"
KEY = "0123456789abcdef0123456789abcdef"


def add(**changes: Any) -> Provider:
    given: dict[str, Any] = {"name": "Panel", "url": URL, "key": KEY}
    return registry.add(**given | changes)


class TestAdd:
    def test_returns_a_provider_that_can_be_called(self) -> None:
        added = add(name=" Panel ", currency="VND", deadline_ms=1500, status_batch=1)

        stored = Provider.objects.get(pk=added.pk)
        assert (stored.name, stored.currency) == ("Panel", "VND")
        assert registry.endpoint(stored) == registry.Endpoint(
            provider_id=stored.pk,
            url=URL,
            key=KEY,
            deadline_seconds=1.5,
            status_batch=1,
            speaks_client_ref=False,
            currency="VND",
        )

    def test_seals_the_key(self) -> None:
        add()

        assert KEY not in Provider.objects.get().key_encrypted

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:8099/api/v2",
            "http://simulator:8099/api/v2/",
            "https://[2606:4700::1]/api?v=2",
            "https://tên-miền.example/api/v2",
        ],
    )
    def test_takes_any_plain_address(self, url: str) -> None:
        assert add(url=url).url == url

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "panel.example/api/v2",
            "//panel.example/api/v2",
            "ftp://panel.example/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https:///api/v2",
            "https://user@panel.example/",
            "https://user:word@panel.example/",
            "https://@panel.example/",
            "https://panel.example:port/",
            "https://panel.example:99999/",
            "https://[::1/",
            "https://panel.example/#top",
            "https://panel.example/a b",
            "https://panel.example/\n",
            "https://panel.example/\0",
            f"https://panel.example/{'x' * 300}",
        ],
    )
    def test_refuses_another_address(self, url: str) -> None:
        with pytest.raises(registry.BadUrl):
            add(url=url)

        assert not Provider.objects.exists()

    @pytest.mark.parametrize(
        "key",
        ["", "short", "two words", "line\nbreak", 'quo"ted', "back\\slash", "khóa-api", "x" * 201],
    )
    def test_refuses_what_is_no_key(self, key: str) -> None:
        with pytest.raises(registry.BadKey) as refused:
            add(key=key)

        assert not key or key not in str(refused.value)
        assert not Provider.objects.exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": ""},
            {"name": "  "},
            {"name": "x" * 61},
            {"name": "a\0b"},
            {"currency": "usd"},
            {"currency": "US"},
            {"currency": "ĐỒN"},
            {"status_batch": 0},
            {"status_batch": 101},
            {"concurrency": 0},
            {"concurrency": 10**9},
            {"deadline_ms": 49},
            {"deadline_ms": 120_001},
            {"poll_seconds": -1},
        ],
    )
    def test_refuses_settings_out_of_bounds(self, changes: dict[str, Any]) -> None:
        with pytest.raises(registry.BadSettings):
            add(**changes)

        assert not Provider.objects.exists()

    def test_refuses_a_name_that_is_taken(self) -> None:
        add()

        with pytest.raises(registry.BadSettings, match="already exists"):
            add()


class TestSetKey:
    def test_replaces_the_key(self) -> None:
        provider = add()

        registry.set_key(provider, "another-key")

        provider.refresh_from_db()
        assert registry.endpoint(provider).key == "another-key"

    def test_refuses_what_is_no_key(self) -> None:
        with pytest.raises(registry.BadKey):
            registry.set_key(add(), "no")


class TestEndpoint:
    def test_opens_no_key_of_another_provider(self) -> None:
        thief = add(name="Thief")
        thief.key_encrypted = add(name="Victim").key_encrypted

        with pytest.raises(ProviderError, match="The key of Thief"):
            registry.endpoint(thief)

    def test_says_which_key_cannot_be_opened(self, settings: Settings) -> None:
        provider = add()
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]

        with pytest.raises(ProviderError, match=r"The key of Panel .* FIELD_KEYS"):
            registry.endpoint(provider)

    def test_hides_the_key_from_logs(self) -> None:
        assert KEY not in repr(registry.endpoint(add()))


class TestNamed:
    def test_returns_the_provider(self) -> None:
        provider = add()

        assert registry.named("Panel") == provider

    def test_refuses_a_name_that_nobody_has(self) -> None:
        with pytest.raises(registry.UnknownProvider, match="no provider called Panel") as refused:
            registry.named("Panel")

        assert isinstance(refused.value, Refused)


class TestPause:
    def test_stops_it(self) -> None:
        provider = add()

        registry.pause(provider)

        provider.refresh_from_db()
        assert provider.enabled is False


class TestResume:
    def test_takes_away_whatever_stopped_it(self) -> None:
        provider = cast.provider(
            enabled=False,
            paused_for="bad_key",
            paused_until=cast.NOW + timedelta(hours=1),
            unclear_in_a_row=3,
        )

        registry.resume(provider)

        provider.refresh_from_db()
        assert (provider.enabled, provider.paused_for) == (True, "")
        assert (provider.paused_until, provider.unclear_in_a_row) == (None, 0)

    def test_leaves_the_rest_as_the_worker_wrote_it(self) -> None:
        provider = add()
        Provider.objects.update(balance_e8=5)

        registry.resume(provider)

        assert Provider.objects.get().balance_e8 == 5
