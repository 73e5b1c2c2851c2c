from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from relaypanel import money
from relaypanel.catalogue.models import (
    Category,
    Discount,
    Markup,
    MirrorTerms,
    Platform,
    Quarantine,
    Route,
    Service,
    ServiceUpdate,
    Sync,
    SyncChange,
    UserRate,
)
from relaypanel.providers.models import Provider
from tests import cast

pytestmark = pytest.mark.django_db


class TestService:
    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ({"rate_e8": -1}, "a_rate_is_not_negative"),
            ({"rate_e8": money.MAX_E8 + 1}, "a_rate_is_not_negative"),
            ({"rate_per": 100}, "a_rate_buys_one_or_a_thousand"),
            ({"min": 0}, "bounds_are_in_order"),
            ({"min": 11, "max": 10}, "bounds_are_in_order"),
            ({"max": 2**31}, "bounds_are_in_order"),
            ({"visibility": "sold out"}, "visibility_is_known"),
        ],
    )
    def test_is_kept_whole_by_the_database(self, change: dict[str, Any], constraint: str) -> None:
        service = cast.service()

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Service.objects.filter(pk=service.pk).update(**change)

    def test_stays_while_something_refers_to_its_shelf(self) -> None:
        service = cast.service()

        with pytest.raises(models.ProtectedError):
            service.category.delete()
        with pytest.raises(models.ProtectedError):
            service.category.platform.delete()


class TestRows:
    @pytest.mark.parametrize(
        "make",
        [
            lambda service, user: Platform.objects.create(name=service.category.platform.name),
            lambda service, user: Category.objects.create(
                platform=service.category.platform, name=service.category.name
            ),
            lambda service, user: Route.objects.create(
                service=service, upstream=service.routes.get().upstream
            ),
            lambda service, user: UserRate.objects.create(user=user, service=service, rate_e8=5),
            lambda service, user: Discount.objects.create(user=user, percent_e2=5),
        ],
        ids=["platform", "category", "route", "user rate", "discount"],
    )
    def test_stand_once(self, make: Callable[..., models.Model]) -> None:
        service, user = cast.service(), cast.alice().user
        cast.route(service, cast.provider())
        UserRate.objects.create(user=user, service=service, rate_e8=1)
        Discount.objects.create(user=user, percent_e2=1)

        with pytest.raises(IntegrityError), transaction.atomic():
            make(service, user)

    def test_hold_no_agreed_rate_below_nothing(self) -> None:
        with pytest.raises(IntegrityError, match="a_user_rate_is_not_negative"):
            UserRate.objects.create(user=cast.alice().user, service=cast.service(), rate_e8=-1)

    @pytest.mark.parametrize("percent_e2", [-1, 10_001])
    def test_hold_no_discount_beyond_everything(self, percent_e2: int) -> None:
        with pytest.raises(IntegrityError, match=r"percent_e2|a_discount_is_at_most"):
            Discount.objects.create(user=cast.alice().user, percent_e2=percent_e2)


class TestMirrorRows:
    @pytest.mark.parametrize(
        ("make", "constraint"),
        [
            (lambda it: Route.objects.update(closed_for="x"), "a_closed_route_says_why"),
            (lambda it: _markup(provider=it.provider, percent_e2=1_000_001), "takes_nothing_off"),
            (lambda it: _markup(provider=it.provider, fixed_e8=-1), "takes_nothing_off"),
            (lambda it: _markup(), "for_a_provider_or_a_service"),
            (lambda it: _markup(provider=it.provider, service=it.service), "or_a_service"),
            (lambda it: _markup(service=it.service, auto_import=True), "or_a_service"),
            (lambda it: _terms(it.provider, every_minutes=0), "mirror_terms_are_in_range"),
            (lambda it: _terms(it.provider, spike_percent=0), "mirror_terms_are_in_range"),
            (lambda it: _terms(it.provider, vanish_syncs=0), "mirror_terms_are_in_range"),
            (lambda it: _sync(it.provider, outcome="x"), "an_outcome_is_known"),
            (lambda it: _quarantine(it.route, cause="x"), "a_cause_is_known"),
            (lambda it: _update(it.service, kind="x"), "a_kind_of_update_is_known"),
            (lambda it: Provider.objects.update(rate_to_panel_e8=0), "a_currency_costs_something"),
        ],
    )
    def test_are_kept_whole_by_the_database(
        self, make: Callable[[_Shop], object], constraint: str
    ) -> None:
        shop = _Shop()

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            make(shop)

    @pytest.mark.parametrize(
        "make",
        [
            lambda it: _markup(provider=it.provider, category="Likes"),
            lambda it: _markup(service=it.service),
            lambda it: _quarantine(it.route),
            lambda it: SyncChange.objects.create(
                sync=it.event, service=it.service, before={}, after={}
            ),
        ],
        ids=["category", "service", "quarantine", "change"],
    )
    def test_stand_once(self, make: Callable[[_Shop], object]) -> None:
        shop = _Shop()
        make(shop)

        with pytest.raises(IntegrityError), transaction.atomic():
            make(shop)


class TestText:
    def test_says_what_a_row_is(self) -> None:
        service, user = cast.service(name="Likes"), cast.alice().user
        upstream = cast.route(service, cast.provider())
        agreed = UserRate(user=user, service=service, rate_e8=money.parse("1.5"))
        discount = Discount(user=user, percent_e2=850)
        shop = _Shop()

        assert str(service) == f"{service.pk} Likes"
        assert str(service.category) == "FB Like 👍"
        assert str(service.category.platform) == "Dịch vụ Facebook"
        assert str(service.routes.get()) == f"{service.pk} → {upstream.pk}"
        assert str(agreed) == f"{user.id} pays 1.5 for {service.pk}"
        assert str(discount) == f"{user.id} −8.50 %"
        assert str(_markup(service=service, fixed_e8=5 * 10**7)) == "12.50 % + 0.5"
        assert str(_terms(upstream.provider)) == f"{upstream.provider_id} every 30 minutes"
        assert str(shop.event) == f"sync {shop.event.pk}: applied"
        change = SyncChange(sync=shop.event, service=service)
        assert str(change) == f"sync {shop.event.pk} of {service.pk}"
        waiting = _quarantine(shop.route)
        assert str(waiting) == f"quarantine {waiting.pk}: spike"
        assert str(_update(service, kind="up")) == f"{service.pk} up 1.5"


class _Shop:
    def __init__(self) -> None:
        self.service = cast.service()
        self.provider = cast.provider(name="shop")
        cast.route(self.service, self.provider)
        self.route = self.service.routes.get()
        self.event = _sync(self.provider)


def _markup(**fields: Any) -> Markup:
    return Markup.objects.create(**{"percent_e2": 1_250} | fields)


def _terms(provider: Provider, **fields: Any) -> MirrorTerms:
    return MirrorTerms.objects.create(provider=provider, **fields)


def _sync(provider: Provider, **fields: Any) -> Sync:
    columns = {"outcome": "applied", "listed": 1, "known": 1} | fields
    return Sync.objects.create(provider=provider, at=cast.NOW, **columns)


def _quarantine(route: Route, *, cause: str = "spike") -> Quarantine:
    return Quarantine.objects.create(
        route=route, cause=cause, since_at=cast.NOW, accepted={}, told_rate_e8=1
    )


def _update(service: Service, *, kind: str) -> ServiceUpdate:
    return ServiceUpdate.objects.create(
        service=service, at=cast.NOW, kind=kind, rate_e8=money.parse("1.5")
    )
