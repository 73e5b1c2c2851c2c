from __future__ import annotations

from dataclasses import replace

import pytest

from relaypanel.catalogue import likeness
from relaypanel.catalogue.likeness import Value
from relaypanel.contract import TYPES, OrderType
from relaypanel.providers.answers import Listing
from tests.catalogue.lists import LIKES


def followed(now: Listing, *, name_locked: bool = False, **ours: Value) -> dict[str, Value]:
    columns = likeness.of(LIKES) | ours
    return likeness.followed(columns, last=LIKES, now=now, name_locked=name_locked)


class TestOf:
    def test_takes_over_what_the_provider_says(self) -> None:
        assert likeness.of(replace(LIKES, refill=True, cancel=True, dripfeed=True)) == {
            "name": "Likes 👍",
            "description": "Fast",
            "type": "Default",
            "rate_per": 1000,
            "min": 10,
            "max": 5_000,
            "refill_days": 30,
            "cancel": True,
            "dripfeed": True,
        }

    @pytest.mark.parametrize("type_", OrderType)
    def test_goes_by_the_type(self, type_: OrderType) -> None:
        columns = likeness.of(replace(LIKES, type=type_, dripfeed=True))

        assert columns["rate_per"] == TYPES[type_].rate_per
        assert columns["dripfeed"] is TYPES[type_].drip_feed


class TestFollowed:
    def test_is_nothing_when_nothing_changed(self) -> None:
        assert followed(LIKES, name="ours") == {}

    def test_holds_each_column_that_the_provider_changed(self) -> None:
        now = replace(LIKES, name="Likes 🚀", description="Faster", min=20, refill=True)

        assert followed(now) == {
            "name": "Likes 🚀",
            "description": "Faster",
            "min": 20,
            "refill_days": 30,
        }

    def test_leaves_what_staff_set(self) -> None:
        now = replace(LIKES, name="Likes 🚀", max=9_000, cancel=True)

        assert followed(now, name="Best likes", max=100, cancel=True) == {}

    def test_leaves_locked_words(self) -> None:
        now = replace(LIKES, name="Likes 🚀", description="Faster", cancel=True)

        assert followed(now, name_locked=True) == {"cancel": True}

    def test_takes_both_bounds_where_ours_would_cross(self) -> None:
        now = replace(LIKES, max=300)

        assert followed(now, min=500) == {"min": 10, "max": 300}
