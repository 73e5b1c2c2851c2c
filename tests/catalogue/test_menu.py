from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from relaypanel import money
from relaypanel.catalogue import menu
from relaypanel.catalogue.models import Category, Discount, Platform, UserRate, Visibility
from tests import cast

pytestmark = pytest.mark.django_db

Queries = Callable[[int], AbstractContextManager[object]]


class TestMenu:
    def test_leads_to_what_is_for_sale(self) -> None:
        service = cast.service()
        empty = Platform.objects.create(name="Empty")
        Category.objects.create(platform=empty, name="Nothing")
        Category.objects.create(platform=service.category.platform, name="Nothing")

        [platform] = menu.platforms()
        [category] = menu.categories(platform.pk)

        assert (platform, category) == (service.category.platform, service.category)

    def test_leaves_out_what_is_hidden(self) -> None:
        service = cast.service(visibility=Visibility.HIDDEN)
        user = cast.alice().user

        assert menu.platforms() == []
        assert menu.categories(service.category.platform_id) == []
        assert menu.in_category(user_id=user.pk, category_id=service.category_id) == []
        assert menu.one(user_id=user.pk, service_id=service.pk) is None
        assert menu.find(user_id=user.pk, text=service.name) == []

    def test_tells_what_this_user_pays(self) -> None:
        agreed, discounted = cast.service(rate="1"), cast.service(rate="2")
        alice, bob = cast.alice().user, cast.bob().user
        UserRate.objects.create(user=alice, service=agreed, rate_e8=money.parse("0.5"))
        Discount.objects.create(user=alice, percent_e2=1000)

        def rates(user_id: int) -> list[str]:
            items = menu.in_category(user_id=user_id, category_id=agreed.category_id)
            return [money.text(item.rate_e8) for item in items]

        assert rates(alice.pk) == ["0.5", "1.8"]
        assert rates(bob.pk) == ["1", "2"]
        one = menu.one(user_id=alice.pk, service_id=discounted.pk)
        assert one is not None
        assert money.text(one.rate_e8) == "1.8"

    def test_finds_services_by_every_word(self) -> None:
        wanted = cast.service(name="Tim bài viết | nhanh")
        cast.service(name="Tim video")

        [found] = menu.find(user_id=cast.alice().user.pk, text="nhanh tim")

        assert found.service == wanted

    def test_asks_the_same_queries_for_any_number(self, django_assert_num_queries: Queries) -> None:
        services = [cast.service() for _ in range(5)]
        user = cast.alice().user

        with django_assert_num_queries(3):
            items = menu.in_category(user_id=user.pk, category_id=services[0].category_id)
            assert len({item.service.category.platform.name for item in items}) == 1
