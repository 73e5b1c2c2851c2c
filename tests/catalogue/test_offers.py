from __future__ import annotations

from itertools import product

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.catalogue import editions
from relaypanel.catalogue.models import Closed, Discount, Route, UserRate, Visibility
from relaypanel.catalogue.offers import offers
from tests import cast

pytestmark = pytest.mark.django_db


class TestOffers:
    def test_say_what_each_user_pays_for_each_service(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        likes, views = cast.service(rate="1"), cast.service(rate="2")
        UserRate.objects.create(user=alice, service=views, rate_e8=money.parse("1.5"))
        Discount.objects.create(user=bob, percent_e2=5_000)

        found = offers(list(product([alice.id, bob.id], [likes.pk, views.pk])))

        assert {key: money.text(offer.rate_e8) for key, offer in found.items()} == {
            (alice.id, likes.pk): "1",
            (alice.id, views.pk): "1.5",
            (bob.id, likes.pk): "0.5",
            (bob.id, views.pk): "1",
        }
        assert found[alice.id, likes.pk].service.pk == likes.pk

    def test_hold_nothing_that_is_not_sold(self) -> None:
        hidden = cast.service(visibility=Visibility.HIDDEN)
        disabled = cast.service(visibility=Visibility.DISABLED)

        assert offers([(1, hidden.pk), (1, disabled.pk)]) == {}

    @pytest.mark.parametrize("service_id", [404, 0, -1, 2**63 - 1, 2**63, 10**30])
    def test_hold_nothing_for_an_id_that_is_not_there(self, service_id: int) -> None:
        service = cast.service()

        found = offers([(1, service_id), (1, service.pk)])

        assert list(found) == [(1, service.pk)]

    def test_ask_nothing_for_an_empty_batch(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(0):
            assert offers([]) == {}

    def test_cost_one_query_for_what_is_known_and_few_for_what_is_not(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        users = [cast.alice().user.id, cast.bob().user.id]
        services = [cast.service() for _ in range(20)]
        provider = cast.provider()
        for service in services:
            cast.route(service, provider, upstream_id=str(service.pk))

        wanted = [(user, service.pk) for user in users for service in services]

        # Neighbours are read along, and so few are nearly always on one page of each.
        pages = len({service.pk // 256 for service in services})
        pages_of_users = len({user_id // 64 for user_id in users})
        with django_assert_num_queries(1 + pages + 2 * pages_of_users):
            found = offers(wanted)
        with django_assert_num_queries(1):
            assert offers(wanted) == found
        number = editions.current().number
        with django_assert_num_queries(0):
            assert offers(wanted, number=number) == found

        assert len(found) == 40
        assert {offer.routes[0].provider_id for offer in found.values()} == {provider.pk}

    def test_take_the_same_id_twice_as_once(self) -> None:
        service = cast.service()

        found = offers([(7, service.pk), (7, service.pk)])

        assert list(found) == [(7, service.pk)]


class TestRoutes:
    def test_come_in_order(self) -> None:
        service, provider = cast.service(), cast.provider()
        last, second, first = (
            cast.route(service, provider, upstream_id=upstream_id) for upstream_id in "abc"
        )
        Route.objects.filter(upstream=last).update(position=9)
        Route.objects.filter(upstream=second).update(position=2)
        Route.objects.filter(upstream=first).update(position=1)

        offer = offers([(1, service.pk)])[1, service.pk]

        assert [route.pk for route in offer.routes] == [first.pk, second.pk, last.pk]
        assert not offer.manual

    def test_leave_out_a_closed_route_and_a_provider_that_is_off(self) -> None:
        service, provider = cast.service(), cast.provider()
        closed = cast.route(service, provider, upstream_id="closed")
        usable = cast.route(service, provider, upstream_id="usable")
        cast.route(service, cast.provider(name="off", enabled=False))
        Route.objects.filter(upstream=closed).update(enabled=False)

        offer = offers([(1, service.pk)])[1, service.pk]

        assert [route.pk for route in offer.routes] == [usable.pk]

    @pytest.mark.parametrize("why", Closed)
    def test_leave_out_what_the_mirror_closed(self, why: Closed) -> None:
        service = cast.service()
        cast.route(service, cast.provider())
        Route.objects.update(closed_for=why)

        offer = offers([(1, service.pk)])[1, service.pk]

        assert offer.routes == ()

    def test_may_all_be_unusable_without_making_the_service_manual(self) -> None:
        service = cast.service()
        cast.route(service, cast.provider(enabled=False))

        offer = offers([(1, service.pk)])[1, service.pk]

        assert offer.routes == ()
        assert not offer.manual

    def test_are_none_for_a_manual_service(self) -> None:
        service = cast.service()

        offer = offers([(1, service.pk)])[1, service.pk]

        assert offer.routes == ()
        assert offer.manual
