from __future__ import annotations

from dataclasses import replace

import pytest

from relaypanel import money
from relaypanel.catalogue import offers, routes
from relaypanel.catalogue.models import Route, Service, Visibility
from relaypanel.contract import OrderType
from relaypanel.providers import refresh
from relaypanel.providers.models import Provider
from tests import cast
from tests.catalogue.lists import LIKES, after, listing, rate, sell

pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> Service:
    """Return a service at 1.2 that a provider fulfils for 1."""
    (service,) = sell(cast.provider())
    return service


@pytest.fixture
def other() -> Provider:
    """Return another provider, which sells the same for 1.1 and for 9."""
    provider = cast.provider(name="other")
    rows = [listing("7", rate="1.1"), listing("8", rate="9")]
    rows.append(replace(LIKES, upstream_id="9", type=OrderType.PACKAGE))
    refresh.record(provider_id=provider.pk, listings=rows, now=cast.NOW)
    return provider


def add(service: Service, provider: Provider, upstream_id: str = "7") -> Route:
    return routes.add(
        service=service, provider_id=provider.pk, upstream_id=upstream_id, now=after(1)
    )


class TestAdd:
    def test_is_the_last_to_be_tried(self, service: Service, other: Provider) -> None:
        route = add(service, other, " 7 ")

        assert list(routes.of(service))[-1] == route

    @pytest.mark.parametrize(
        ("upstream_id", "refusal"),
        [("77", routes.NoSuchUpstream), ("9", routes.OtherType)],
    )
    def test_refuses_what_does_not_fit(
        self, service: Service, other: Provider, upstream_id: str, refusal: type[Exception]
    ) -> None:
        with pytest.raises(refusal):
            add(service, other, upstream_id)

        assert service.routes.count() == 1

    def test_refuses_a_route_twice(self, service: Service, other: Provider) -> None:
        add(service, other)

        with pytest.raises(routes.RouteTaken):
            add(service, other)


class TestLimit:
    def test_sends_orders_by_the_next_route(self, service: Service, other: Provider) -> None:
        route, following = service.routes.get(), add(service, other)

        routes.limit(route, cost_max_e8=money.parse("0.9"), now=after(2))
        found = offers.usable_routes([service.pk])[service.pk]

        assert [one.pk for one in found] == [following.upstream_id]


class TestActs:
    def test_try_another_one_first(self, service: Service, other: Provider) -> None:
        route = add(service, other)

        routes.first(route, now=after(2))

        assert next(iter(routes.of(service))) == route

    def test_close_what_no_open_route_pays_for(self, service: Service, other: Provider) -> None:
        add(service, other, "8")
        first = next(iter(routes.of(service)))
        Service.objects.update(rate_locked=True)

        routes.switch(first, enabled=False, now=after(2))
        service.refresh_from_db()
        assert service.visibility == Visibility.PAUSED

        routes.switch(first, enabled=True, now=after(3))
        service.refresh_from_db()
        assert service.visibility == Visibility.ENABLED
        assert rate(service) == "1.2"

    def test_take_one_away_but_never_the_last(self, service: Service, other: Provider) -> None:
        first = next(iter(routes.of(service)))
        route = add(service, other)

        routes.remove(route, now=after(2))
        with pytest.raises(routes.LastRoute):
            routes.remove(first, now=after(3))

        assert list(routes.of(service)) == [first]
