from __future__ import annotations

import pytest

from relaypanel.catalogue import diff
from relaypanel.catalogue.models import Outcome
from relaypanel.catalogue.plan import Plan, Stock, Turn, plan
from relaypanel.catalogue.pricing_rules import Rule, Rules
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing
from tests.catalogue.lists import LIKES, listing
from tests.catalogue.test_plan import PROVIDER, TWENTY, hear, path, stock, told


def lines(before: Stock, *listings: Listing) -> list[str]:
    return list(diff.turn_lines(hear(before, *listings)))


class TestLines:
    def test_tell_what_is_new(self) -> None:
        rules = Rules(
            by_category={
                (PROVIDER, "Views"): Rule(percent_e2=0, auto_import=True),
                (PROVIDER, ""): Rule(percent_e2=2_000),
            }
        )
        found = plan(
            price_list=told(
                listing("1", rate="1.1"),
                listing("2", name="a\x1b[31m" + "b" * 80),
                listing("3", category="Views"),
            ),
            known={"1"},
            stocks=[stock()],
            rules=rules,
        )

        assert list(diff.lines(found)) == [
            "new        2  1  Default  a [31m" + "b" * 54,
            "new        3  1  Default  Likes 👍, goes up for sale",
            "rate up    service 9: 1.2 → 1.32",
        ]

    def test_are_none_for_an_empty_plan(self) -> None:
        assert list(diff.lines(Plan(seen=(), imported=(), turns=()))) == []


class TestTurnLines:
    def test_tell_each_column(self) -> None:
        now = listing(rate="0.9", name="Likes 🚀", description="a\nb", max=9_000, refill=True)

        assert lines(stock(), now) == [
            "rate down  service 9: 1.2 → 1.08",
            "changed    service 9: name 'Likes 👍' → 'Likes 🚀'",
            "changed    service 9: description 'Fast' → 'a b'",
            "changed    service 9: max 5000 → 9000",
            "changed    service 9: refill_days None → 30",
        ]

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (listing(rate="10"), "spike, 1 → 10"),
            (listing(type=OrderType.SEO), "type, Default → SEO"),
            (listing(name="Views", category="TikTok"), "reused, 'Likes 👍' → 'Views'"),
        ],
    )
    def test_tell_what_waits(self, now: Listing, words: str) -> None:
        assert lines(stock(), now) == [
            "off        service 9: enabled → paused",
            f"waits      service 9: {words}",
        ]

    def test_tell_a_fixed_rate_below_its_cost(self) -> None:
        assert lines(stock(locked=True), listing(rate="1.25"))[-1] == (
            "waits      service 9: below cost, 1 → 1.25"
        )

    def test_tell_what_waits_no_more(self) -> None:
        held = hear(stock(), listing(rate="10")).after

        assert lines(held, LIKES) == [
            "on         service 9: paused → enabled",
            "released   service 9: 1  1  Default  Likes 👍",
        ]

    def test_tell_what_vanished_and_came_back(self) -> None:
        gone = hear(stock(path(missed=2)))

        assert list(diff.turn_lines(gone)) == [
            "off        service 9: enabled → paused",
            "vanished   service 9: 1  1  Default  Likes 👍",
        ]
        assert lines(gone.after, LIKES) == [
            "on         service 9: paused → enabled",
            "back       service 9: 1  1  Default  Likes 👍",
        ]

    def test_tell_nothing_of_a_count(self) -> None:
        assert list(diff.turn_lines(hear(stock()))) == []

    def test_are_none_for_an_idle_turn(self) -> None:
        before = stock()

        assert list(diff.turn_lines(Turn(stock=before, columns={}, paths=before.paths))) == []
        assert hear(before, LIKES, rules=TWENTY).is_idle


class TestRefused:
    def test_says_how_short_a_list_is(self) -> None:
        words = diff.refused(Outcome.SHORT, 3, 100)

        assert words.startswith("The price list holds 3 services where 100 were known")
        assert "--accept-short" in words

    def test_says_that_a_list_is_empty(self) -> None:
        assert diff.refused(Outcome.EMPTY, 0, 100).startswith("The price list is empty")
