from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.catalogue import pricing_rules, quarantine, staff, undo
from relaypanel.catalogue.models import (
    Cause,
    News,
    Quarantine,
    Route,
    Service,
    ServiceUpdate,
    Sync,
    Visibility,
)
from relaypanel.catalogue.pricing_rules import Rule
from tests import cast
from tests.catalogue.lists import LIKES, after, listing, rate, sell, sync

pytestmark = pytest.mark.django_db


class TestUndo:
    def test_gives_back_what_was_before(self) -> None:
        provider = cast.provider()
        sell(provider, listing("1"), listing("2"))
        before = list(Service.objects.order_by("pk").values())
        synced = sync(
            provider,
            listing("1", rate="1.1", name="Likes 🚀", max=9, min=1),
            listing("2", rate="0.9"),
        )

        undone = _undo(synced.sync_id)

        assert undone == undo.Undone(restored=2, changed_since=0)
        assert list(Service.objects.order_by("pk").values()) == before
        assert Sync.objects.get().undone_at == after(2)
        kinds = ServiceUpdate.objects.filter(at=after(2)).order_by("service_id")
        assert [update.kind for update in kinds] == [News.DOWN, News.UP]

    def test_stays_undone_until_the_provider_moves(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        _undo(sync(provider, listing(rate="1.1")).sync_id)

        sync(provider, listing(rate="1.1"), hours=3)
        still = rate(service)
        sync(provider, listing(rate="1.15"), hours=4)

        assert (still, rate(service)) == ("1.2", "1.38")
        assert not Quarantine.objects.exists()

    def test_can_be_approved_after_all(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        _undo(sync(provider, listing(rate="1.1")).sync_id)

        (waiting,) = quarantine.waiting()
        quarantine.approve(ids=[waiting.pk], now=after(3))

        assert waiting.cause == Cause.UNDONE
        assert rate(service) == "1.32"

    def test_leaves_what_was_changed_since(self) -> None:
        provider = cast.provider()
        one, two = sell(provider, listing("1"), listing("2"))
        synced = sync(provider, *(listing(each, rate="1.1", name="L 🚀") for each in "12"))
        staff.change(service_id=one.pk, now=after(1), rate_e8=money.parse("5"), name="Ours")
        staff.change(service_id=two.pk, now=after(1), rate_e8=money.parse("5"))

        undone = _undo(synced.sync_id)

        assert undone == undo.Undone(restored=1, changed_since=1)
        assert (rate(one), one.name) == ("5", "Ours")
        assert (rate(two), two.name) == ("5", "Likes 👍")

    def test_sells_nothing_below_what_it_costs_by_now(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider, markup="5")
        synced = sync(provider, listing(rate="1.2"))

        _undo(synced.sync_id)

        assert (rate(service), service.visibility) == ("1.05", Visibility.PAUSED)
        assert Route.objects.get().closed_for == "quarantined"

    def test_closes_what_the_sync_put_up(self) -> None:
        provider = cast.provider()
        sell(provider)
        pricing_rules.set_for_provider(provider, Rule(percent_e2=1_000, auto_import=True))
        synced = sync(provider, LIKES, listing("2"))

        _undo(synced.sync_id)

        assert Service.objects.latest("pk").visibility == Visibility.DISABLED
        sync(provider, LIKES, listing("2"), hours=3)
        assert Service.objects.count() == 2

    def test_opens_again_what_vanished_and_counts_anew(self) -> None:
        provider = cast.provider()
        _, gone = sell(provider, listing("1"), listing("2"))
        synced = [sync(provider, listing("1"), hours=hours) for hours in (1, 2, 3)][-1]

        _undo(synced.sync_id, hours=4)

        gone.refresh_from_db()
        assert gone.visibility == Visibility.ENABLED
        route = Route.objects.get(service=gone)
        assert (route.closed_for, route.missed) == ("", 0)

    def test_pauses_again_what_the_sync_had_opened(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        sync(provider, listing(rate="10"))
        synced = sync(provider, listing(rate="1.1"), hours=2)

        _undo(synced.sync_id, hours=3)

        assert (rate(service), service.visibility) == ("1.2", Visibility.PAUSED)

    def test_leaves_the_routes_of_other_providers(self) -> None:
        provider, other = cast.provider(), cast.provider(name="other")
        (service,) = sell(provider)
        cast.route(service, other)
        synced = sync(provider, listing(rate="1.1"))

        _undo(synced.sync_id)

        assert Quarantine.objects.get().route.upstream.provider == provider

    def test_keeps_what_waits_already(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        synced = sync(provider, listing(rate="1.1"))
        sync(provider, listing(rate="9"), hours=2)

        _undo(synced.sync_id, hours=3)

        assert rate(service) == "1.2"
        assert Quarantine.objects.get().cause == Cause.SPIKE

    def test_is_done_once(self) -> None:
        provider = cast.provider()
        sell(provider)
        synced = sync(provider, listing(rate="1.1"))
        _undo(synced.sync_id)

        with pytest.raises(undo.NothingToUndo):
            _undo(synced.sync_id)

    def test_is_not_for_a_list_that_was_refused(self) -> None:
        provider = cast.provider()
        sell(provider)
        synced = sync(provider)

        with pytest.raises(undo.NothingToUndo, match="could be undone"):
            _undo(synced.sync_id)


def _undo(sync_id: int | None, *, hours: int = 2) -> undo.Undone:
    assert sync_id is not None
    return undo.undo(sync_id=sync_id, now=after(hours))
