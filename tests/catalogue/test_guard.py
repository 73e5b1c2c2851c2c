from __future__ import annotations

from dataclasses import replace

import pytest

from relaypanel.catalogue import guard
from relaypanel.catalogue.guard import Held
from relaypanel.catalogue.models import Cause
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing
from tests.catalogue.lists import LIKES, listing


def hold(now: Listing, *, last: Listing = LIKES, held: Held | None = None) -> Held | None:
    return guard.hold(held, last=last, now=now, spike_percent=30)


def cause(now: Listing, *, last: Listing = LIKES, held: Held | None = None) -> Cause | None:
    found = hold(now, last=last, held=held)
    return None if found is None else found.cause


class TestIsShort:
    @pytest.mark.parametrize(
        ("told", "known", "short"),
        [(50, 100, False), (49, 100, True), (0, 1, True), (0, 0, False), (7, 0, False)],
    )
    def test_is_below_half(self, told: int, known: int, short: bool) -> None:
        assert guard.is_short(told=told, known=known) is short


class TestHold:
    @pytest.mark.parametrize("rate", ["1", "1.3", "0.7"])
    def test_lets_a_small_change_through(self, rate: str) -> None:
        assert hold(listing(rate=rate)) is None

    @pytest.mark.parametrize("rate", ["1.30001", "0.69999", "10", "0.00000001"])
    def test_stops_a_spike_up_or_down(self, rate: str) -> None:
        now = listing(rate=rate)

        assert hold(now) == Held(cause=Cause.SPIKE, accepted=LIKES, told_rate_e8=now.rate_e8)

    def test_stops_another_type(self) -> None:
        assert cause(replace(LIKES, type=OrderType.PACKAGE)) is Cause.TYPE

    @pytest.mark.parametrize(
        ("name", "category", "is_reused"),
        [
            ("Views 1000", "TikTok", True),
            ("Followers 🇻🇳", "", True),
            ("LIKES | cheaper", "TikTok", False),
            ("Views", "Facebook Views", False),
            ("Views", "Facebook", False),
            ("Likes 👍", "TikTok", False),
        ],
    )
    def test_stops_an_id_that_sells_something_else(
        self, name: str, category: str, is_reused: bool
    ) -> None:
        now = replace(LIKES, name=name, category=category)

        assert cause(now) is (Cause.REUSED if is_reused else None)

    def test_takes_numbers_for_no_word(self) -> None:
        last = replace(LIKES, name="Likes 1000", category="FB 24")

        assert cause(replace(last, name="Views 1000", category="TT 24"), last=last) is Cause.REUSED

    def test_keeps_a_spike_that_stays(self) -> None:
        dear = listing(rate="10")
        first = hold(dear)

        assert hold(dear, last=dear, held=first) == first

    def test_lets_go_of_a_spike_that_passes(self) -> None:
        dear = listing(rate="10")

        assert hold(listing(rate="1.1"), last=dear, held=hold(dear)) is None

    def test_remembers_a_no_to_the_same_change_alone(self) -> None:
        dear = listing(rate="10")
        rejected = replace(_held(dear), rejected=True)

        again, otherwise = (
            hold(now, last=dear, held=rejected) for now in (dear, listing(rate="11"))
        )

        assert again == rejected
        assert otherwise is not None
        assert not otherwise.rejected

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (LIKES, Cause.UNDONE),
            (listing(rate="1.1"), None),
            (listing(rate="9"), Cause.SPIKE),
            (replace(LIKES, type=OrderType.SEO), Cause.TYPE),
        ],
    )
    def test_keeps_what_was_undone_until_the_rate_moves(
        self, now: Listing, expected: Cause | None
    ) -> None:
        undone = guard.wait(None, cause=Cause.UNDONE, accepted=LIKES, now=LIKES)

        assert cause(now, held=undone) is expected


class TestCloses:
    def test_is_for_what_sells_something_else(self) -> None:
        assert {each for each in Cause if guard.closes(each)} == {Cause.TYPE, Cause.REUSED}


def _held(now: Listing) -> Held:
    held = hold(now)
    assert held is not None
    return held
