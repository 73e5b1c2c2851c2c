from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relaypanel import money
from relaypanel.catalogue import guard, likeness
from relaypanel.catalogue.likeness import Value
from relaypanel.catalogue.models import Cause, Closed, Visibility
from relaypanel.catalogue.plan import Path, PriceList, Stock, Turn, plan, turn
from relaypanel.catalogue.pricing_rules import Rule, Rules
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing
from tests.catalogue.lists import LIKES, listing

PROVIDER, OTHER = 3, 4
TWENTY = Rules(
    by_category={
        (PROVIDER, ""): Rule(percent_e2=2_000),
        (OTHER, ""): Rule(percent_e2=5_000),
    }
)


def path(told: Listing = LIKES, **fields: Any) -> Path:
    plain: dict[str, Any] = {"route_id": 7, "provider_id": PROVIDER, "rate_to_panel_e8": None}
    plain |= {"spike_percent": 30, "vanish_syncs": 3, "is_open": True}
    plain |= {"missed": 0, "closed_for": "", "held": None}
    return Path(listing=told, **(plain | fields))


def stock(
    *paths: Path, rate: str = "1.2", locked: bool = False, name_locked: bool = False, **ours: Value
) -> Stock:
    columns = likeness.of(LIKES) | {"rate_e8": money.parse(rate), "visibility": "enabled"} | ours
    return Stock(
        service_id=9,
        columns=columns,
        rate_locked=locked,
        name_locked=name_locked,
        paths=paths or (path(),),
    )


def told(*listings: Listing, provider_id: int = PROVIDER) -> PriceList:
    return PriceList(
        provider_id=provider_id,
        rate_to_panel_e8=None,
        listings={row.upstream_id: row for row in listings},
    )


def hear(before: Stock, *listings: Listing, rules: Rules = TWENTY) -> Turn:
    return turn(before, rules=rules, price_list=told(*listings))


def rate(found: Turn) -> str:
    return money.text(found.after.rate_e8)


class TestRate:
    def test_follows_the_cost_with_its_markup(self) -> None:
        found = hear(stock(), listing(rate="1.1"))

        assert found.columns == {"rate_e8": money.parse("1.32")}
        assert found.changed_paths == []

    def test_stays_when_nothing_changed(self) -> None:
        assert hear(stock(), LIKES).is_idle

    def test_follows_a_rule_that_changed(self) -> None:
        rules = Rules(by_category={(PROVIDER, ""): Rule(percent_e2=0, fixed_e8=5)})

        assert rate(turn(stock(), rules=rules)) == "1.00001"

    def test_follows_what_the_currency_costs(self) -> None:
        before = stock(path(rate_to_panel_e8=money.parse("0.5")))

        assert rate(hear(before, LIKES)) == "0.6"

    @pytest.mark.parametrize("before", [stock(locked=True), stock(rate="1.7", locked=True)])
    def test_stays_when_it_is_locked(self, before: Stock) -> None:
        assert hear(before, listing(rate="1.1")).columns == {}

    def test_stays_without_a_rule(self) -> None:
        assert hear(stock(), listing(rate="1.1"), rules=Rules()).columns == {}

    def test_stays_for_a_person_after_a_spike(self) -> None:
        found = hear(stock(), listing(rate="0.5"))

        assert found.columns == {}
        assert _cause(found) is Cause.SPIKE
        assert found.after.paths[0].closed_for == ""

    def test_follows_a_spike_that_is_approved(self) -> None:
        held = hear(stock(), listing(rate="10")).after

        found = turn(held, rules=TWENTY, approved={7})

        assert rate(found) == "12"
        assert found.after.is_on
        assert found.after.paths[0].standing == (0, "", None)

    def test_follows_the_first_usable_route(self) -> None:
        second = path(listing(rate="2"), route_id=8, provider_id=OTHER)

        closed = turn(stock(path(is_open=False), second), rules=TWENTY)
        back = turn(replace(closed.after, paths=(path(), second)), rules=TWENTY)

        assert (rate(closed), rate(back)) == ("3", "1.2")

    def test_leaves_the_routes_of_other_providers_as_they_were_told(self) -> None:
        before = stock(path(provider_id=OTHER), rate="1.5")

        assert hear(before, listing(rate="9")).is_idle
        assert hear(before).is_idle


class TestCeiling:
    def test_lets_the_next_route_serve(self) -> None:
        before = stock(
            path(cost_max_e8=money.parse("1.1")),
            path(listing(rate="1.15"), route_id=8, provider_id=OTHER),
        )

        at_it = hear(before, listing(rate="1.1"))
        above_it = hear(before, listing(rate="1.10001"))

        assert [each.closed_for for each in at_it.after.paths] == ["", ""]
        assert [each.closed_for for each in above_it.after.paths] == [Closed.TOO_DEAR, ""]
        assert (rate(at_it), rate(above_it)) == ("1.32", "1.725")

    def test_pauses_what_has_no_other_route_until_it_is_cheap_again(self) -> None:
        dear = hear(stock(path(cost_max_e8=money.parse("1.1"))), listing(rate="1.2")).after
        cheap = hear(dear, listing(rate="1.1")).after

        assert (dear.is_on, dear.paths[0].closed_for) == (False, Closed.TOO_DEAR)
        assert dear.paths[0].held is None
        assert (cheap.is_on, cheap.paths[0].closed_for) == (True, "")

    def test_is_in_the_panels_currency(self) -> None:
        dong = path(
            listing(rate="25000"),
            rate_to_panel_e8=money.parse("0.00004"),
            cost_max_e8=money.parse("1"),
        )

        assert turn(stock(dong), rules=TWENTY).after.paths[0].closed_for == ""


class TestPause:
    def test_is_for_a_fixed_rate_below_the_cost(self) -> None:
        found = hear(stock(locked=True), listing(rate="1.25"))

        assert found.columns == {"visibility": Visibility.PAUSED}
        assert _cause(found) is Cause.BELOW_COST
        assert found.after.paths[0].closed_for == Closed.QUARANTINED

    def test_is_for_a_spike_that_the_old_rate_does_not_pay(self) -> None:
        found = hear(stock(), listing(rate="10"))

        assert found.columns == {"visibility": Visibility.PAUSED}
        assert _cause(found) is Cause.SPIKE
        assert found.after.paths[0].closed_for == Closed.QUARANTINED

    @pytest.mark.parametrize(
        ("now", "cause"),
        [
            (listing(type=OrderType.PACKAGE), Cause.TYPE),
            (listing(name="Views", category="TikTok"), Cause.REUSED),
        ],
    )
    def test_is_for_what_sells_something_else(self, now: Listing, cause: Cause) -> None:
        found = hear(stock(), now)

        assert found.columns == {"visibility": Visibility.PAUSED}
        assert _cause(found) is cause
        assert found.after.paths[0].closed_for == Closed.QUARANTINED

    def test_is_for_a_route_of_another_type_than_the_service(self) -> None:
        found = turn(stock(path(listing(type=OrderType.PACKAGE))), rules=TWENTY)

        assert found.columns == {"visibility": Visibility.PAUSED}
        assert _cause(found) is Cause.TYPE
        assert turn(found.after, rules=TWENTY, approved={7}).columns["type"] == "Package"

    def test_ends_when_the_spike_has_passed(self) -> None:
        held = hear(stock(), listing(rate="10")).after

        found = hear(held, listing(rate="1.1"))

        assert found.columns == {"visibility": Visibility.ENABLED, "rate_e8": money.parse("1.32")}
        assert found.after.paths[0].standing == (0, "", None)

    def test_ends_when_the_fixed_rate_pays_again(self) -> None:
        held = hear(stock(locked=True), listing(rate="1.25")).after

        found = hear(held, listing(rate="1.15"))

        assert found.columns == {"visibility": Visibility.ENABLED}
        assert found.after.paths[0].held is None

    def test_remembers_what_was_accepted_while_the_rate_does_not_pay(self) -> None:
        held = hear(stock(locked=True), listing(rate="1.25")).after

        again = hear(held, listing(rate="1.26"))

        assert again.after.paths[0].held == guard.wait(
            None, cause=Cause.BELOW_COST, accepted=LIKES, now=listing(rate="1.26")
        )

    def test_is_not_needed_while_another_route_is_paid_for(self) -> None:
        second = path(listing(rate="1.1"), route_id=8, provider_id=OTHER)
        third = path(listing(rate="5"), route_id=10, provider_id=OTHER)

        found = hear(stock(path(), second, third, locked=True), listing(rate="1.25"))

        assert found.columns == {}
        assert [each.closed_for for each in found.after.paths] == [Closed.TOO_DEAR, "", ""]
        assert [each.held for each in found.after.paths] == [None, None, None]

    @pytest.mark.parametrize("visibility", [Visibility.HIDDEN, Visibility.DISABLED])
    def test_is_not_for_what_staff_closed(self, visibility: Visibility) -> None:
        before = stock(visibility=visibility.value)

        gone = hear(replace(before, paths=(path(is_open=False),)), LIKES)
        back = hear(before, LIKES)

        assert gone.is_idle
        assert back.is_idle

    def test_is_for_a_cost_that_no_account_can_pay(self) -> None:
        most = replace(LIKES, rate_e8=money.MAX_E8)
        dear = stock(path(most, rate_to_panel_e8=2 * money.ONE_E8))

        assert not turn(dear, rules=TWENTY).after.is_on


class TestVanishing:
    def test_is_counted_and_closes_at_the_limit(self) -> None:
        before = stock()

        turns = []
        for _ in range(4):
            turns.append(hear(before, listing("2")))
            before = turns[-1].after

        assert [each.after.paths[0].missed for each in turns] == [1, 2, 3, 4]
        assert [each.after.is_on for each in turns] == [True, True, False, False]
        assert [each.is_silent for each in turns] == [True, True, False, True]
        assert before.paths[0].closed_for == Closed.VANISHED

    def test_is_forgotten_when_it_is_listed_in_between(self) -> None:
        before = stock(path(missed=2))

        assert hear(before, LIKES).after.paths[0].missed == 0

    def test_ends_when_it_is_listed_again(self) -> None:
        gone = stock(path(missed=3, closed_for="vanished"), visibility="paused")

        found = hear(gone, listing(rate="1.1"))

        assert found.columns == {"visibility": "enabled", "rate_e8": money.parse("1.32")}
        assert found.after.paths[0].standing == (0, "", None)

    def test_moves_the_service_to_its_next_route(self) -> None:
        second = path(listing(rate="2"), route_id=8, provider_id=OTHER)

        found = hear(stock(path(missed=2), second))

        assert rate(found) == "3"
        assert found.after.is_on


class TestWords:
    def test_follow_the_provider(self) -> None:
        assert hear(stock(), listing(name="Likes 🚀")).columns == {"name": "Likes 🚀"}

    def test_stay_when_they_are_locked(self) -> None:
        assert hear(stock(name_locked=True), listing(name="Likes 🚀")).columns == {}

    def test_stay_while_the_route_waits_for_a_person(self) -> None:
        assert hear(stock(), listing(rate="0.1", name="Likes 🚀")).columns == {}

    def test_follow_all_that_happened_once_it_is_approved(self) -> None:
        held = hear(stock(), listing(type=OrderType.PACKAGE, name="Pack of likes")).after
        held = hear(held, listing(type=OrderType.PACKAGE, name="Pack of likes", max=1)).after

        found = turn(held, rules=TWENTY, approved={7})

        assert found.columns == {
            "visibility": "enabled",
            "name": "Pack of likes",
            "type": "Package",
            "rate_per": 1,
            "max": 10,
        }


class TestPlan:
    def test_tells_what_is_new(self) -> None:
        new = listing("2")

        found = plan(price_list=told(LIKES, new), known={"1"}, stocks=[stock()], rules=TWENTY)

        assert (found.seen, found.imported, found.turns) == ((new,), (), ())
        assert not found.is_silent

    def test_puts_up_what_a_rule_says_and_an_account_can_pay(self) -> None:
        rules = Rules(
            by_category={
                (PROVIDER, ""): Rule(percent_e2=1),
                (PROVIDER, "TikTok"): Rule(percent_e2=1, auto_import=True),
            }
        )
        new = listing("2", category="TikTok")
        dear = replace(new, upstream_id="3", rate_e8=money.MAX_E8)

        found = plan(price_list=told(listing("4"), new, dear), known=(), stocks=[], rules=rules)

        assert found.imported == (new,)

    def test_puts_up_nothing_without_a_rule(self) -> None:
        found = plan(price_list=told(LIKES), known=(), stocks=[], rules=Rules())

        assert found.imported == ()

    def test_leaves_out_what_does_not_change(self) -> None:
        found = plan(price_list=told(LIKES), known={"1"}, stocks=[stock()], rules=TWENTY)

        assert found.turns == ()
        assert found.is_silent


def _cause(found: Turn) -> Cause | None:
    (path,) = found.after.paths
    return None if path.held is None else path.held.cause
