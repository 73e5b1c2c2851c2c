"""Any history of price lists, poisoned ones too, on the real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relaypanel import money
from relaypanel.catalogue import margin, mirror, offers, pricing_rules, quarantine, staff, undo
from relaypanel.catalogue.models import (
    Markup,
    Outcome,
    Quarantine,
    Route,
    Service,
    ServiceUpdate,
    Sync,
    SyncChange,
    Visibility,
)
from relaypanel.catalogue.pricing_rules import Rule
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.catalogue.lists import LIKES, sell

IDS = [str(number) for number in range(1, 6)]
NAMES = ("Likes 👍", "Likes 🚀 fast", "Views", "")
CATEGORIES = ("Facebook", "TikTok")
# Nothing, less than nothing, small moves, spikes, and what no account could pay.
RATES_E8 = st.one_of(
    st.sampled_from((0, -1, 1, 10**7, 10**8, 10**9, money.MAX_E8)),
    st.integers(9 * 10**7, 13 * 10**7),
)
BOUNDS = st.sampled_from((-5, 0, 1, 10, 5_000, 2**40))
listings = st.builds(
    Listing,
    upstream_id=st.sampled_from(IDS),
    name=st.sampled_from(NAMES),
    description=st.sampled_from(("Fast", "")),
    category=st.sampled_from(CATEGORIES),
    platform=st.just("Meta"),
    type=st.sampled_from((OrderType.DEFAULT, OrderType.DEFAULT, OrderType.PACKAGE)),
    rate_e8=RATES_E8,
    min=BOUNDS,
    max=BOUNDS,
    refill=st.booleans(),
    cancel=st.booleans(),
    dripfeed=st.booleans(),
)
which = st.integers(0, 4)
providers = st.integers(0, 1)


class MirrorMachine(RuleBasedStateMachine):
    @initialize()
    def open_shop(self) -> None:
        self.example = transaction.atomic()
        self.example.__enter__()
        self.now = cast.NOW
        # The second one charges in another money.
        self.providers = [cast.provider(), cast.provider(name="other", currency="VND")]
        Provider.objects.filter(name="other").update(rate_to_panel_e8=51_234_567)
        self.providers[1].refresh_from_db()
        for provider in self.providers:
            sell(provider, *(replace(LIKES, upstream_id=each) for each in IDS))
        # The first service has a second route, to the other provider.
        first = Service.objects.earliest("pk")
        Route.objects.create(
            service=first, upstream=UpstreamService.objects.latest("pk"), position=1
        )

    @rule(who=providers, told=st.lists(listings, max_size=7), accept_short=st.booleans())
    def sync_anything(self, who: int, told: list[Listing], accept_short: bool) -> None:
        self._sync(who, told, accept_short=accept_short)

    @rule(who=providers, moves=st.lists(st.tuples(which, listings), max_size=2))
    def sync_most_as_before(self, who: int, moves: list[tuple[int, Listing]]) -> None:
        """Lists that are believed: all is told as before, but for a row or two."""
        self._sync(who, self._mostly(who, moves))

    @rule(who=providers, moves=st.lists(st.tuples(which, listings), max_size=3))
    def sync_and_undo(self, who: int, moves: list[tuple[int, Listing]]) -> None:
        before = _shop()
        synced = self._sync(who, self._mostly(who, moves))
        if synced.outcome is not Outcome.APPLIED or synced.sync_id is None:
            return

        undo.undo(sync_id=synced.sync_id, now=self._later())

        for service_id, (columns, was_new) in _undone(before).items():
            now = _shop()[service_id]
            visibility, expected = now.pop("visibility"), dict(columns)
            shown = expected.pop("visibility")
            if was_new:
                assert visibility == Visibility.DISABLED
            elif len(_routes(service_id)) == 1:
                assert now == expected
                # Paused, when its old rate is below what it costs by now.
                assert visibility in {shown, Visibility.PAUSED}
                if visibility != shown:
                    assert not _is_sellable(service_id)

    @precondition(lambda _: Quarantine.objects.exists())
    @rule(place=which, approve=st.booleans())
    def decide(self, place: int, approve: bool) -> None:
        rows = list(Quarantine.objects.order_by("pk"))
        waiting = rows[place % len(rows)]
        if not approve:
            quarantine.reject(ids=[waiting.pk])
            return
        try:
            quarantine.approve(ids=[waiting.pk], now=self._later())
        except quarantine.StillBelowCost:
            return

    @rule(place=which, rate_e8=st.integers(50_000, 300_000))
    def set_a_rate(self, place: int, rate_e8: int) -> None:
        service = Service.objects.order_by("pk")[place]
        try:
            staff.change(
                service_id=service.pk, now=self._later(), rate_e8=rate_e8 * money.RATE_STEP_E8
            )
        except staff.NotPaidFor:
            return

    @rule(place=which, visibility=st.sampled_from((Visibility.HIDDEN, Visibility.ENABLED)))
    def hide_or_show(self, place: int, visibility: Visibility) -> None:
        service = Service.objects.order_by("pk")[place]
        try:
            staff.change(service_id=service.pk, now=self._later(), visibility=visibility)
        except staff.NotPaidFor:
            return

    @rule(
        who=providers,
        percent_e2=st.integers(0, 5_000),
        auto_import=st.booleans(),
        drop=st.booleans(),
    )
    def change_the_rule(self, who: int, percent_e2: int, auto_import: bool, drop: bool) -> None:
        if drop:
            Markup.objects.all().delete()
        else:
            pricing_rules.set_for_provider(
                self.providers[who], Rule(percent_e2=percent_e2, auto_import=auto_import)
            )

    @invariant()
    def nothing_is_sold_below_its_cost(self) -> None:
        sold = list(
            Service.objects.filter(visibility=Visibility.ENABLED).annotate(ways=Count("routes"))
        )
        usable_by_service = offers.usable_routes([service.pk for service in sold])
        for service in sold:
            usable = usable_by_service[service.pk]
            assert usable, f"{service} is for sale, and nobody fulfils it"
            first = usable[0]
            cost_e8 = margin.rate_cost(
                rate_e8=first.rate_e8, rate_to_panel_e8=first.provider.rate_to_panel_e8
            )
            assert cost_e8 <= service.rate_e8
            if service.ways == 1:
                assert first.type == service.type

    @invariant()
    def rates_are_steps(self) -> None:
        rates_e8 = Service.objects.values_list("rate_e8", flat=True)
        assert all(rate_e8 % money.RATE_STEP_E8 == 0 for rate_e8 in rates_e8)

    @invariant()
    def history_tells_how_things_stand(self) -> None:
        last = {update.service_id: update for update in ServiceUpdate.objects.order_by("pk")}
        for service in Service.objects.filter(pk__in=last):
            told = last[service.pk]
            if service.visibility == Visibility.ENABLED:
                assert (told.kind != "off", told.rate_e8) == (True, service.rate_e8)
            else:
                assert told.kind == "off"

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def _later(self) -> Any:
        self.now += timedelta(hours=1)
        return self.now

    def _mostly(self, who: int, moves: list[tuple[int, Listing]]) -> list[Listing]:
        told = {
            row.upstream_id: replace(
                LIKES, upstream_id=row.upstream_id, rate_e8=row.rate_e8, name=row.name
            )
            for row in UpstreamService.objects.filter(provider=self.providers[who])
        }
        for place, row in moves:
            told[IDS[place]] = replace(row, upstream_id=IDS[place])
        return list(told.values())

    def _sync(self, who: int, told: list[Listing], *, accept_short: bool = False) -> mirror.Synced:
        unique = list({row.upstream_id: row for row in told}.values())
        sold = [row for row in unique if row.rate_e8 > 0]
        before = _everything()
        provider, now = self.providers[who], self._later()
        expected = _outcome(provider, len(sold), accept_short)

        synced = mirror.sync(provider, listings=unique, now=now, accept_short=accept_short)

        assert synced.outcome is expected
        rows = UpstreamService.objects.filter(provider=provider)
        heard = set(rows.filter(seen_at=now).values_list("upstream_id", "rate_e8"))
        if synced.outcome is Outcome.APPLIED:
            assert heard == {(row.upstream_id, row.rate_e8) for row in sold}
        else:
            assert heard == set()
            assert _everything() == before
        return synced


def _undone(before: dict[int, dict[str, Any]]) -> dict[int, tuple[dict[str, Any], bool]]:
    """Return what each service of the latest sync should be again, and whether it was new."""
    changes = Sync.objects.latest("pk").changes.values_list("service_id", flat=True)
    return {pk: (before.get(pk, {"visibility": None}), pk not in before) for pk in changes}


def _outcome(provider: Provider, told: int, accept_short: bool) -> Outcome:
    rows = UpstreamService.objects.filter(provider=provider)
    known = rows.filter(seen_at=rows.latest("seen_at").seen_at).count()
    if told == 0:
        return Outcome.EMPTY
    return Outcome.APPLIED if accept_short or told * 2 >= known else Outcome.SHORT


def _routes(service_id: int) -> list[Route]:
    return list(Route.objects.filter(service_id=service_id))


def _is_sellable(service_id: int) -> bool:
    return bool(offers.usable_routes([service_id])[service_id])


def _shop() -> dict[int, dict[str, Any]]:
    return {row["id"]: dict(row) for row in Service.objects.values()}


def _everything() -> list[list[dict[str, Any]]]:
    models: tuple[Any, ...] = (
        UpstreamService,
        Service,
        Route,
        Quarantine,
        ServiceUpdate,
        SyncChange,
    )
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.django_db
class TestMirror:
    def test_keeps_its_promises_after_any_history(self) -> None:
        run_state_machine_as_test(
            MirrorMachine, settings=settings(max_examples=20, stateful_step_count=15)
        )
