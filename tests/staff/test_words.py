from __future__ import annotations

import pytest
from django import forms

from relaypanel.catalogue import quarantine
from relaypanel.errors import ProviderError
from relaypanel.providers import registry
from relaypanel.staff import words


class KeyForm(forms.Form):
    key = forms.CharField()


class TestOf:
    def test_is_filled_with_what_the_refusal_knows(self) -> None:
        refused = registry.BadSettings("Its name is empty.")

        assert words.of(refused) == "That cannot be saved: Its name is empty."

    def test_a_provider_is_in_its_own_words(self) -> None:
        assert words.of(ProviderError("HTTP 503")).endswith("HTTP 503")

    def test_a_refusal_without_words_is_a_bug(self) -> None:
        class Unheard(quarantine.NotInQuarantine):
            code = "unheard"

        with pytest.raises(KeyError):
            words.of(Unheard(ids=[1]))


class TestFieldOf:
    def test_is_where_the_words_belong(self) -> None:
        assert words.field_of(registry.BadKey(), KeyForm()) == "key"

    def test_is_nowhere_if_the_form_has_none_such(self) -> None:
        assert words.field_of(registry.BadUrl(), KeyForm()) is None
        assert words.field_of(ValueError(), KeyForm()) is None
