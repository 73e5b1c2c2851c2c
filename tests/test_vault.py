from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from relaypanel import vault

PLACE = "provider:3:key"


class TestSeal:
    @given(secret=st.text())
    def test_is_opened_at_its_place(self, secret: str) -> None:
        sealed = vault.seal(secret, place=PLACE)

        assert vault.unseal(sealed, place=PLACE) == secret

    def test_hides_the_secret(self) -> None:
        sealed = vault.seal("a-provider-key", place=PLACE)

        assert "a-provider-key" not in sealed
        assert sealed != vault.seal("a-provider-key", place=PLACE)


class TestUnseal:
    def test_refuses_what_was_sealed_for_another_place(self) -> None:
        sealed = vault.seal("a-provider-key", place="provider:4:key")

        with pytest.raises(vault.Unreadable, match=PLACE):
            vault.unseal(sealed, place=PLACE)

    @pytest.mark.parametrize("sealed", ["", "not sealed", "gAAAAA=="])
    def test_refuses_what_was_never_sealed(self, sealed: str) -> None:
        with pytest.raises(vault.Unreadable):
            vault.unseal(sealed, place=PLACE)

    def test_reads_what_an_older_key_sealed(self, settings: Settings) -> None:
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        settings.FIELD_KEYS = [old]
        sealed = vault.seal("a-provider-key", place=PLACE)

        settings.FIELD_KEYS = [new, old]

        assert vault.unseal(sealed, place=PLACE) == "a-provider-key"

    def test_refuses_a_key_that_is_no_longer_named(self, settings: Settings) -> None:
        sealed = vault.seal("a-provider-key", place=PLACE)

        settings.FIELD_KEYS = [Fernet.generate_key().decode()]

        with pytest.raises(vault.Unreadable):
            vault.unseal(sealed, place=PLACE)
