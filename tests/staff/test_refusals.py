from __future__ import annotations

from django import forms

from relaypanel import errors
from relaypanel.errors import ProviderError
from relaypanel.providers import registry
from relaypanel.staff import refusals, urls


def codes(kind: type[errors.Refused]) -> set[str]:
    own = {kind.code} if "code" in vars(kind) else set()
    return own.union(*(codes(one) for one in kind.__subclasses__()))


class KeyForm(forms.Form):
    key = forms.CharField()


class TestWords:
    def test_speak_of_refusals_that_exist(self) -> None:
        # Whatever a page of the desk calls is loaded with them.
        assert urls.urlpatterns
        assert refusals.WORDS.keys() <= codes(errors.Refused)

    def test_are_the_refusals_own_where_the_desk_has_none(self) -> None:
        class Odd(errors.Refused):
            code = "odd"

        assert refusals.words(Odd("So it is.")) == "So it is."

    def test_are_filled_with_what_the_refusal_knows(self) -> None:
        refused = registry.BadSettings("Its name is empty.")

        assert refusals.words(refused) == "That cannot be saved: Its name is empty."

    def test_of_a_provider_are_its_own(self) -> None:
        assert refusals.words(ProviderError("HTTP 503")).endswith("HTTP 503")


class TestField:
    def test_is_where_the_words_belong(self) -> None:
        assert refusals.field(registry.BadKey(), KeyForm()) == "key"

    def test_is_nowhere_if_the_form_has_none_such(self) -> None:
        assert refusals.field(registry.BadUrl(), KeyForm()) is None
        assert refusals.field(ValueError(), KeyForm()) is None
