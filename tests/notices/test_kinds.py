from __future__ import annotations

import re

import pytest
from django.utils import translation

from relaypanel.look import icons
from relaypanel.notices import kinds
from relaypanel.notices.kinds import KINDS
from relaypanel.notices.models import Kind
from tests.notices.samples import SAMPLES


class TestKinds:
    def test_are_all_described(self) -> None:
        assert set(KINDS) == set(Kind)
        assert set(SAMPLES) == set(Kind)

    @pytest.mark.parametrize("kind", Kind)
    @pytest.mark.parametrize("language", ["en", "vi"])
    def test_have_words_that_their_data_fills(self, kind: Kind, language: str) -> None:
        with translation.override(language):
            said = [kinds.title(kind, SAMPLES[kind]), kinds.words(kind, SAMPLES[kind])]

        assert all(said)
        assert not re.search(r"%\(|\{", "".join(said))

    @pytest.mark.parametrize("kind", Kind)
    def test_lead_to_a_page_and_have_a_key_and_an_icon(self, kind: Kind) -> None:
        assert kinds.path(kind, SAMPLES[kind]).startswith("/")
        assert kinds.key(kind, user_id=7, data=SAMPLES[kind])
        assert icons.icon(KINDS[kind].icon)

    def test_have_keys_that_no_other_kind_has(self) -> None:
        keys = [kinds.key(kind, user_id=7, data=SAMPLES[kind]) for kind in Kind]

        assert len(set(keys)) == len(keys)

    def test_are_chosen_but_for_the_test(self) -> None:
        assert Kind.WEBHOOK_TEST not in kinds.CHOOSABLE
        assert "test" not in kinds.EVENTS
        assert kinds.EVENTS["order.partial"] is Kind.ORDER_PARTIAL


class TestWords:
    def test_say_amounts_exactly(self) -> None:
        data = SAMPLES[Kind.ORDER_CANCELED] | {"refunded_e8": 27_819_000}

        assert "$0.27819 is back" in kinds.words(Kind.ORDER_CANCELED, data)
