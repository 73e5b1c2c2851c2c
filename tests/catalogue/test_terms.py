from __future__ import annotations

from typing import Any

import pytest

from relaypanel.catalogue import terms
from relaypanel.catalogue.models import MirrorTerms
from tests import cast

pytestmark = pytest.mark.django_db


class TestOf:
    def test_are_the_usual_ones_until_somebody_says_otherwise(self) -> None:
        found = terms.of(cast.provider())

        assert (found.every_minutes, found.spike_percent, found.vanish_syncs) == (30, 30, 3)


class TestChange:
    def test_changes_what_is_named(self) -> None:
        provider = cast.provider()

        terms.change(provider, spike_percent=50)
        terms.change(provider, every_minutes=1, vanish_syncs=100)

        found = MirrorTerms.objects.get()
        assert (found.every_minutes, found.spike_percent, found.vanish_syncs) == (1, 50, 100)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"every_minutes": 0}, "Every minutes: a whole number from 1 to 10080"),
            ({"spike_percent": 1_001}, "Spike percent: a whole number from 1 to 1000"),
            ({"vanish_syncs": 101}, "Vanish syncs: a whole number from 1 to 100"),
        ],
    )
    def test_refuses_what_is_out_of_range(self, change: Any, words: str) -> None:
        with pytest.raises(terms.TermsOutOfRange, match=words):
            terms.change(cast.provider(), **change)

        assert not MirrorTerms.objects.exists()


class TestCurrencyRate:
    def test_is_what_one_unit_costs(self) -> None:
        provider = cast.provider(currency="VND")

        terms.set_currency_rate(provider, 4_000)

        provider.refresh_from_db()
        assert provider.rate_to_panel_e8 == 4_000

    def test_is_never_nothing(self) -> None:
        with pytest.raises(terms.CurrencyCostsNothing):
            terms.set_currency_rate(cast.provider(), 0)
