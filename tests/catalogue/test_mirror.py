from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from relaypanel import money
from relaypanel.catalogue import (
    intake,
    mirror,
    offers,
    pricing_rules,
    staff,
    terms,
)
from relaypanel.catalogue import (
    listing as shop,
)
from relaypanel.catalogue.models import (
    Closed,
    News,
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
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.catalogue.lists import LIKES, after, listing, rate, sell, sync

pytestmark = pytest.mark.django_db


class TestSync:
    def test_brings_the_rates_up_to_date_at_the_next_call(self) -> None:
        provider, alice = cast.provider(), cast.alice().user
        service, _ = sell(provider, listing("1"), listing("2", rate="15000"))

        synced = sync(provider, listing("1", rate="1.1"), listing("2", rate="15000"))

        assert synced.outcome is Outcome.APPLIED
        assert [row["rate"] for row in shop.rows(alice.id)] == ["1.32", "18000"]
        found = offers.offers([(alice.id, service.pk)])
        assert found[alice.id, service.pk].rate_e8 == money.parse("1.32")

    def test_records_the_list(self) -> None:
        provider = cast.provider()
        sell(provider, LIKES)

        sync(provider, listing(rate="1.1"), listing("2"))

        rows = UpstreamService.objects.order_by("pk").values_list("upstream_id", "rate_e8")
        assert list(rows) == [("1", money.parse("1.1")), ("2", money.parse("1"))]
        assert set(UpstreamService.objects.values_list("seen_at", flat=True)) == {after(1)}

    def test_remembers_what_it_changed(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        synced = sync(provider, listing(rate="1.1", name="Likes 🚀"), listing("2"))

        event = Sync.objects.get()
        assert (event.pk, event.provider, event.at) == (synced.sync_id, provider, after(1))
        assert (event.outcome, event.listed, event.known) == (Outcome.APPLIED, 2, 1)
        change = SyncChange.objects.get()
        assert (change.sync, change.service) == (event, service)
        assert change.before == {"rate_e8": money.parse("1.2"), "name": "Likes 👍"}
        assert change.after == {"rate_e8": money.parse("1.32"), "name": "Likes 🚀"}

    def test_leaves_no_event_when_nothing_changed(self) -> None:
        provider = cast.provider()
        sell(provider, LIKES, listing("2"))

        for hours in (1, 2):
            synced = sync(provider, LIKES, hours=hours)

        assert synced.sync_id is None
        assert not Sync.objects.exists()
        assert Route.objects.get(upstream__upstream_id="2").missed == 2

    def test_tells_customers(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        ServiceUpdate.objects.all().delete()

        sync(provider, listing(rate="1.1"))
        sync(provider, listing(rate="1"), hours=2)

        updates = ServiceUpdate.objects.order_by("pk")
        assert [(u.kind, u.rate_before_e8, u.rate_e8, u.at) for u in updates] == [
            (News.UP, money.parse("1.2"), money.parse("1.32"), after(1)),
            (News.DOWN, money.parse("1.32"), money.parse("1.2"), after(2)),
        ]
        assert {update.service_id for update in updates} == {service.pk}

    def test_lets_what_vanished_go_and_come_back(self) -> None:
        provider, alice = cast.provider(), cast.alice().user
        stays, (gone) = sell(provider, listing("1"), listing("2"))

        shown = []
        for hours in range(1, 5):
            sync(provider, listing("1"), hours=hours)
            shown.append([row["service"] for row in shop.rows(alice.id)])
        sync(provider, listing("1"), listing("2"), hours=5)

        assert shown == [[stays.pk, gone.pk], [stays.pk, gone.pk], [stays.pk], [stays.pk]]
        assert [row["service"] for row in shop.rows(alice.id)] == [stays.pk, gone.pk]
        kinds = ServiceUpdate.objects.order_by("pk").values_list("kind", flat=True)
        assert list(kinds) == [News.NEW, News.NEW, News.OFF, News.ON]

    def test_opens_nothing_that_staff_closed(self) -> None:
        provider = cast.provider()
        _, service = sell(provider, listing("1"), listing("2"))
        for hours in range(1, 4):
            sync(provider, listing("1"), hours=hours)
        staff.change(service_id=service.pk, now=after(3), visibility=Visibility.DISABLED)

        sync(provider, listing("1"), listing("2"), hours=4)

        service.refresh_from_db()
        assert service.visibility == Visibility.DISABLED
        assert Route.objects.get(service=service).closed_for == ""

    def test_lets_no_order_go_where_a_route_is_closed(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        sync(provider, listing(rate="10"))

        assert Route.objects.get().closed_for == Closed.QUARANTINED
        assert offers.usable_routes([service.pk]) == {service.pk: ()}
        assert Quarantine.objects.get().accepted["rate_e8"] == LIKES.rate_e8

    def test_takes_one_spike_for_one_matter(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        for hours in (1, 2, 3):
            sync(provider, listing(rate="10"), hours=hours)

        assert Quarantine.objects.get().since_at == after(1)
        assert rate(service) == "1.2"
        sync(provider, listing(rate="1.1"), hours=4)
        assert not Quarantine.objects.exists()
        assert rate(service) == "1.32"
        assert service.visibility == Visibility.ENABLED

    def test_goes_by_the_terms_of_the_provider(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        terms.change(provider, spike_percent=900, vanish_syncs=1)

        sync(provider, listing(rate="10"))
        dear = rate(service)
        sync(provider, listing("2"), hours=2)

        service.refresh_from_db()
        assert (dear, service.visibility) == ("12", Visibility.PAUSED)

    def test_follows_the_currency_of_the_provider(self) -> None:
        provider = cast.provider(currency="VND", rate_to_panel_e8=money.parse("0.5"))
        (service,) = sell(provider)
        terms.set_currency_rate(Provider.objects.get(), money.parse("0.6"))

        sync(provider, LIKES)

        assert rate(service) == "0.72"

    def test_refuses_a_currency_that_nobody_priced(self) -> None:
        provider = cast.provider(currency="VND")

        with pytest.raises(intake.OtherCurrency):
            sync(provider, LIKES)

        assert not UpstreamService.objects.exists()

    def test_leaves_the_services_of_other_providers(self) -> None:
        provider, other = cast.provider(), cast.provider(name="other")
        (ours,) = sell(provider)
        (theirs,) = sell(other, markup="50")

        sync(provider, listing(rate="1.1"))

        assert (rate(ours), rate(theirs)) == ("1.32", "1.5")

    def test_applies_all_or_nothing(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        before = _everything()
        broken = replace(LIKES, upstream_id="2", rate_e8=2**63)

        with pytest.raises((OverflowError, DataError)), transaction.atomic():
            sync(provider, listing(rate="1.1"), broken)

        assert _everything() == before
        assert rate(service) == "1.2"


class TestShortLists:
    @pytest.mark.parametrize("held", [0, 1])
    def test_change_nothing_and_say_so(self, held: int) -> None:
        provider = cast.provider()
        rows = [listing(str(number)) for number in range(1, 4)]
        sell(provider, *rows)
        before = _everything()

        with capture_logs() as logs:
            synced = sync(provider, *(replace(row, rate_e8=1) for row in rows[:held]))

        assert _everything() == before
        event = Sync.objects.get()
        assert event.pk == synced.sync_id
        assert event.outcome == (Outcome.SHORT if held else Outcome.EMPTY)
        assert (event.listed, event.known) == (held, 3)
        assert [log["event"] for log in logs] == ["price_list_refused"]
        assert logs[0]["provider"] == provider.pk

    def test_can_be_believed_by_a_person(self) -> None:
        provider = cast.provider()
        sell(provider, *(listing(str(number)) for number in range(1, 4)))

        synced = sync(provider, listing("1", rate="1.1"), accept_short=True)

        assert synced.outcome is Outcome.APPLIED
        assert sync(provider, listing("1"), hours=2).known == 1

    def test_are_never_believed_when_they_are_empty(self) -> None:
        provider = cast.provider()
        sell(provider)

        assert sync(provider, accept_short=True).outcome is Outcome.EMPTY

    def test_are_those_whose_rows_cost_nothing(self) -> None:
        provider = cast.provider()
        sell(provider)

        assert sync(provider, listing(rate="0")).outcome is Outcome.EMPTY


class TestAutoImport:
    def test_puts_up_what_the_rule_says(self) -> None:
        provider = cast.provider()
        sell(provider)
        rule = Rule(percent_e2=5_000, auto_import=True)
        sync(provider, LIKES, listing("2", category="Views"))
        pricing_rules.set_for_provider(provider, rule, category="Views")

        sync(
            provider,
            LIKES,
            listing("2", category="Views"),
            listing("3", category="Views", rate="2"),
            listing("4"),
            hours=2,
        )

        new = Service.objects.latest("pk")
        assert Service.objects.count() == 2
        assert money.text(new.rate_e8) == "3"
        assert new.routes.get().upstream.upstream_id == "3"
        assert ServiceUpdate.objects.latest("pk").kind == News.NEW

    def test_is_not_done_without_a_rule(self) -> None:
        provider = cast.provider()
        sell(provider)

        synced = sync(provider, LIKES, listing("2"))

        assert [row.upstream_id for row in synced.plan.seen] == ["2"]
        assert Service.objects.count() == 1


class TestPreview:
    def test_tells_the_plan_and_changes_nothing(self) -> None:
        provider = cast.provider()
        sell(provider, listing("1"), listing("2"))
        terms.of(provider)
        before = _everything()
        told = [listing("1", rate="1.1"), listing("3")]

        seen = mirror.preview(provider, listings=told)

        assert _everything() == before
        done = mirror.sync(provider, listings=told, now=after(1))
        assert seen.plan == done.plan
        assert seen.sync_id is None

    def test_tells_a_short_list(self) -> None:
        provider = cast.provider()
        sell(provider, *(listing(str(number)) for number in range(1, 4)))

        assert mirror.preview(provider, listings=[LIKES]).outcome is Outcome.SHORT
        believed = mirror.preview(provider, listings=[LIKES], accept_short=True)
        assert believed.outcome is Outcome.APPLIED


class TestLongLists:
    SERVICES = 2_000

    @pytest.mark.parametrize("rate", ["1", "1.1", "10"], ids=["unchanged", "changed", "spike"])
    def test_take_a_bounded_number_of_statements(self, rate: str) -> None:
        provider = cast.provider()
        rows = [listing(str(number)) for number in range(self.SERVICES)]
        sell(provider, *rows)
        told = [replace(row, rate_e8=money.parse(rate)) for row in rows]

        with CaptureQueriesContext(connection) as queries:
            sync(provider, *told)

        # A few of each kind, and those that write rows: as many at once as fit 999 values on
        # SQLite, and 500 on PostgreSQL.
        rows_each = 20 if connection.vendor == "sqlite" else 100
        assert len(queries) < 25 + self.SERVICES / rows_each


def _everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row that a sync may write, but its events."""
    models: tuple[Any, ...] = (
        UpstreamService,
        Service,
        Route,
        Quarantine,
        ServiceUpdate,
        SyncChange,
    )
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}
