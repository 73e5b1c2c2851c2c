from __future__ import annotations

import pytest

from relaypanel.catalogue import pick
from relaypanel.catalogue.pick import Wanted
from relaypanel.providers import refresh
from relaypanel.providers.models import Provider
from tests import cast
from tests.catalogue.lists import after, listing, sell

pytestmark = pytest.mark.django_db

ROWS = (
    listing("10", name="Cảm xúc Việt", category="Likes"),
    listing("20", name="Theo dõi", category="Follows"),
    listing("30", name="Cảm ơn 10", category="Likes"),
)


@pytest.fixture
def provider() -> Provider:
    provider = cast.provider()
    refresh.record(provider_id=provider.pk, listings=ROWS, now=cast.NOW)
    return provider


def ids(provider: Provider, **wanted: str) -> list[str]:
    return pick.upstream_ids(provider, Wanted(**wanted))


class TestWanted:
    def test_is_all_at_first(self, provider: Provider) -> None:
        assert ids(provider) == ["10", "20", "30"]

    def test_is_by_words_in_any_order_without_accents(self, provider: Provider) -> None:
        assert ids(provider, text="xuc CAM") == ["10"]

    def test_is_by_an_id_and_by_what_names_it(self, provider: Provider) -> None:
        assert ids(provider, text="10") == ["10", "30"]

    def test_is_by_category(self, provider: Provider) -> None:
        assert ids(provider, text="cam", category="Likes") == ["10", "30"]
        assert ids(provider, category="likes") == []

    def test_is_nothing_that_is_sold(self, provider: Provider) -> None:
        sell(provider, ROWS[0])

        assert "10" not in ids(provider)

    def test_is_nothing_that_is_off_the_list(self, provider: Provider) -> None:
        refresh.record(provider_id=provider.pk, listings=ROWS[1:], now=after(1))

        assert ids(provider) == ["20", "30"]

    def test_is_nothing_of_another_provider(self, provider: Provider) -> None:
        assert ids(cast.provider(name="other")) == []


class TestPage:
    def test_goes_on_after_the_last_row(self, provider: Provider) -> None:
        first = pick.page(provider, Wanted(), limit=2)
        assert ([row.upstream_id for row in first.rows], first.count) == (["10", "20"], 3)
        assert first.after is not None

        second = pick.page(provider, Wanted(), after=first.after, limit=2)
        assert [row.upstream_id for row in second.rows] == ["30"]
        assert second.after is None


class TestCategories:
    def test_are_those_with_something_to_pick(self, provider: Provider) -> None:
        assert pick.categories(provider) == ["Follows", "Likes"]
