from __future__ import annotations

from typing import Any

import pytest

from relaypanel.catalogue import inventory
from relaypanel.catalogue.inventory import Wanted
from relaypanel.catalogue.models import Visibility
from tests import cast

pytestmark = pytest.mark.django_db


def found(**wanted: Any) -> list[int]:
    return [service.pk for service in inventory.page(Wanted(**wanted))]


class TestWanted:
    def test_is_all_newest_first_sold_or_not(self) -> None:
        first, second = cast.service(), cast.service(visibility=Visibility.DISABLED)

        assert found() == [second.pk, first.pk]

    def test_is_by_words_without_accents_and_by_id(self) -> None:
        wanted, other = cast.service(name="Cảm xúc Việt"), cast.service(name="Theo dõi")

        assert found(text="viet cam") == [wanted.pk]
        assert found(text=f"#{other.pk}") == [other.pk]
        assert found(text="nothing\0") == []

    def test_is_by_what_fulfils_it(self) -> None:
        provider = cast.provider()
        manual, routed = cast.service(), cast.service()
        cast.route(routed, provider)

        assert found(provider_id=provider.pk) == [routed.pk]
        assert found(manual=True) == [manual.pk]

    def test_is_by_category_and_state(self) -> None:
        service = cast.service(visibility=Visibility.HIDDEN)
        cast.service()

        assert found(visibility="hidden") == [service.pk]
        assert len(found(category_id=service.category_id)) == 2
        assert found(category_id=10**9) == []

    def test_is_what_is_sold_more_than_once(self) -> None:
        provider = cast.provider()
        twice = [cast.service(name="Likes"), cast.service(name="LIKES")]
        routed = [cast.service(name="a"), cast.service(name="b")]
        for service in routed:
            cast.route(service, provider)
        cast.service(name="alone")

        assert found(doubled=True) == sorted((one.pk for one in twice + routed), reverse=True)


class TestPage:
    def test_goes_on_below_an_id(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inventory, "PAGE", 1)
        first, second = cast.service(), cast.service()

        assert found() == [second.pk, first.pk]
        rest = inventory.page(Wanted(), before_id=second.pk)
        assert [service.pk for service in rest] == [first.pk]

    def test_counts_the_routes(self) -> None:
        service = cast.service()
        cast.route(service, cast.provider())

        [one] = inventory.page(Wanted())
        assert one.routes_count == 1  # type: ignore[attr-defined]


class TestIds:
    def test_are_so_many_at_most(self) -> None:
        first, second = cast.service(), cast.service()

        assert inventory.ids(Wanted(), limit=5) == [first.pk, second.pk]
        assert inventory.ids(Wanted(), limit=1) == [first.pk]
