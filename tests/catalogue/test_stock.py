from __future__ import annotations

from threading import Event, Thread

import pytest
from django.db import connection, transaction

from relaypanel.catalogue import stock
from relaypanel.catalogue.guard import Held
from relaypanel.catalogue.models import Cause, MirrorTerms, Route, Service
from relaypanel.catalogue.plan import Path, turn
from relaypanel.catalogue.pricing_rules import Rules
from tests import cast
from tests.catalogue.lists import LIKES, after, listing, sell, sync

pytestmark = pytest.mark.django_db


class TestLock:
    def test_makes_the_terms_that_are_not_there(self) -> None:
        one, two = cast.provider(), cast.provider(name="other")

        with transaction.atomic():
            found = stock.lock()

        assert found == {terms.pk: terms for terms in MirrorTerms.objects.all()}
        assert found.keys() == {one.pk, two.pk}


class TestReading:
    def test_tells_how_a_service_stands(self) -> None:
        provider = cast.provider(rate_to_panel_e8=5)
        (service,) = sell(provider)
        Route.objects.update(missed=2)

        with transaction.atomic():
            stock.lock()
            (found,) = stock.at(provider)

        assert found.service_id == service.pk
        assert (found.rate_locked, found.name_locked) == (False, False)
        assert found.columns == {name: getattr(service, name) for name in stock.COLUMNS}
        assert found.paths == (
            Path(
                route_id=Route.objects.get().pk,
                provider_id=provider.pk,
                rate_to_panel_e8=5,
                spike_percent=30,
                vanish_syncs=3,
                is_open=True,
                listing=LIKES,
                missed=2,
                closed_for="",
                held=None,
            ),
        )

    def test_tells_what_waits(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        sync(provider, listing(rate="10"))

        (found,) = stock.of([service.pk])

        dear = listing(rate="10")
        (path,) = found.paths
        assert path.listing == dear
        assert path.held == Held(cause=Cause.SPIKE, accepted=LIKES, told_rate_e8=dear.rate_e8)

    @pytest.mark.parametrize("closed", ["route", "provider"])
    def test_knows_what_staff_closed(self, closed: str) -> None:
        provider = cast.provider(enabled=closed != "provider")
        (service,) = sell(provider)
        Route.objects.update(enabled=closed != "route")

        (found,) = stock.of([service.pk])

        assert [path.is_open for path in found.paths] == [False]

    def test_puts_the_routes_in_their_order(self) -> None:
        one, two = cast.provider(), cast.provider(name="other")
        (service,) = sell(one)
        cast.route(service, two)
        Route.objects.filter(upstream__provider=one).update(position=1)

        (found,) = stock.at(one)

        assert [path.provider_id for path in found.paths] == [two.pk, one.pk]

    def test_leaves_out_what_has_no_route(self) -> None:
        assert stock.of([cast.service().pk]) == []


class TestWriting:
    def test_changes_each_service_in_its_own_way(self) -> None:
        provider = cast.provider()
        one, two = sell(provider, listing("1"), listing("2"))
        untouched = cast.service()
        before = Service.objects.values().get(pk=untouched.pk)
        stocks = stock.at(provider)
        rules = Rules()
        turns = [turn(each, rules=rules) for each in stocks]
        object.__setattr__(turns[0], "columns", {"rate_e8": 5_000})
        object.__setattr__(turns[1], "columns", {"name": "Other", "refill_days": None})

        stock.write(turns, now=after(1))

        one.refresh_from_db()
        two.refresh_from_db()
        assert (one.rate_e8, one.name) == (5_000, "Likes 👍")
        assert (two.rate_e8, two.name) == (stocks[1].rate_e8, "Other")
        assert Service.objects.values().get(pk=untouched.pk) == before


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestLocking:
    def test_lets_one_change_the_shop_at_a_time(self) -> None:
        cast.provider()
        first, second = Event(), []

        def other() -> None:
            with transaction.atomic():
                first.wait(10)
                stock.lock()
                second.append("in")
            connection.close()

        thread = Thread(target=other)
        with transaction.atomic():
            stock.lock()
            thread.start()
            first.set()
            thread.join(0.3)
            assert second == []
        thread.join(10)

        assert second == ["in"]
