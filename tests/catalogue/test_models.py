from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from relaypanel import money
from relaypanel.catalogue.models import Category, Discount, Platform, Route, Service, UserRate
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


class TestText:
    def test_says_what_a_row_is(self) -> None:
        service, user = cast.service(name="Likes"), cast.alice().user
        upstream = cast.route(service, cast.provider())
        agreed = UserRate(user=user, service=service, rate_e8=money.parse("1.5"))
        discount = Discount(user=user, percent_e2=850)

        assert str(service) == f"{service.pk} Likes"
        assert str(service.category) == "FB Like 👍"
        assert str(service.category.platform) == "Dịch vụ Facebook"
        assert str(service.routes.get()) == f"{service.pk} → {upstream.pk}"
        assert str(agreed) == f"{user.id} pays 1.5 for {service.pk}"
        assert str(discount) == f"{user.id} −8.50 %"
