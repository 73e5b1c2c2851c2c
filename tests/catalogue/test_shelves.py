from __future__ import annotations

import pytest

from relaypanel.catalogue import shelves
from relaypanel.catalogue.models import Category, Platform
from tests import cast

pytestmark = pytest.mark.django_db


def names() -> list[str]:
    return [category.name for category in shelves.categories()]


class TestAdd:
    def test_puts_new_ones_last(self) -> None:
        first, second = shelves.add_platform("One"), shelves.add_platform("Two")

        assert list(shelves.platforms()) == [first, second]
        for name in ("a", "b"):
            shelves.add_category(platform_id=first.pk, name=name)
        assert names() == ["a", "b"]

    def test_refuses_a_name_twice_in_a_platform(self) -> None:
        one, two = shelves.add_platform("One"), shelves.add_platform("Two")
        shelves.add_category(platform_id=one.pk, name="a")

        with pytest.raises(shelves.ShelfTaken):
            shelves.add_category(platform_id=one.pk, name=" a ")
        with pytest.raises(shelves.ShelfTaken):
            shelves.add_platform("One")

        shelves.add_category(platform_id=two.pk, name="a")

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "x" * 201])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        platform = shelves.add_platform("One")

        with pytest.raises(shelves.BadShelfName):
            shelves.add_category(platform_id=platform.pk, name=name)

    def test_refuses_a_platform_that_is_gone(self) -> None:
        with pytest.raises(shelves.NoSuchShelf):
            shelves.add_category(platform_id=1, name="a")


class TestMove:
    def test_changes_places_with_the_neighbour(self) -> None:
        platform = shelves.add_platform("One")
        a, b, c = (shelves.add_category(platform_id=platform.pk, name=name) for name in "abc")
        # As an import leaves them.
        Category.objects.update(position=0)

        shelves.move(c, up=True)
        assert names() == ["a", "c", "b"]

        shelves.move(a, up=True)
        shelves.move(b, up=False)
        assert names() == ["a", "c", "b"]

    def test_moves_platforms(self) -> None:
        first, second = shelves.add_platform("One"), shelves.add_platform("Two")

        shelves.move(first, up=False)

        assert list(shelves.platforms()) == [second, first]


class TestRename:
    def test_keeps_what_is_in_it(self) -> None:
        service = cast.service()

        shelves.rename(service.category, "Other")

        service.category.refresh_from_db()
        assert service.category.name == "Other"
        assert service.category.name_folded == "other"


class TestRemove:
    def test_takes_an_empty_one_away(self) -> None:
        platform = shelves.add_platform("One")

        shelves.remove(platform)

        assert not Platform.objects.exists()

    def test_refuses_one_that_holds_something(self) -> None:
        service = cast.service()

        for shelf in (service.category, service.category.platform):
            with pytest.raises(shelves.ShelfInUse):
                shelves.remove(shelf)
