from __future__ import annotations

import gzip
import json

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.catalogue import listing
from relaypanel.catalogue.models import Category, Discount, Platform, Service, UserRate, Visibility
from relaypanel.contract import OrderType
from tests import cast

pytestmark = pytest.mark.django_db


class TestEncoded:
    def test_is_the_reply_of_the_specification_to_the_byte(self) -> None:
        likes = cast.service(
            name="Tăng like bài viết 👍 | Nhanh",
            description='Bảo hành 30 ngày\n"không" </script>',
            rate="15000",
            min=100,
            max=500_000,
            refill_days=30,
            cancel=True,
            dripfeed=True,
        )
        package = cast.service(name="Gói 🇻🇳", type=OrderType.PACKAGE, rate="0.27819", min=1, max=1)

        reply = listing.encoded(cast.alice().user.id).body

        assert reply.decode() == (
            f'[{{"service":{likes.pk},"name":"Tăng like bài viết 👍 | Nhanh",'
            '"desc":"Bảo hành 30 ngày\\n\\"không\\" </script>","type":"Default",'
            '"category":"FB Like 👍","platform":"Dịch vụ Facebook","rate":"15000",'
            '"min":"100","max":"500000","refill":true,"cancel":true,"dripfeed":true},'
            f'{{"service":{package.pk},"name":"Gói 🇻🇳","desc":"","type":"Package",'
            '"category":"FB Like 👍","platform":"Dịch vụ Facebook","rate":"0.27819",'
            '"min":"1","max":"1","refill":false,"cancel":false,"dripfeed":false}]'
        )

    def test_is_an_empty_list_for_an_empty_shop(self) -> None:
        assert listing.encoded(cast.alice().user.id).body == b"[]"

    def test_says_the_same_as_the_rows(self) -> None:
        alice = cast.alice().user
        cast.service()

        assert json.loads(listing.encoded(alice.id).body) == listing.rows(alice.id)


class TestRows:
    def test_stand_in_the_catalogues_order(self) -> None:
        # Made in an order that no single column reproduces.
        second, first = (
            Platform.objects.create(name=n, position=p) for n, p in (("b", 2), ("a", 1))
        )
        also_second = Platform.objects.create(name="A", position=2)
        expected = [
            _service(_category(first, position=-1), position=5),
            _service(category := _category(first, position=0), position=-1),
            _service(category, position=0),
            _service(category, position=0),
            _service(_category(first, position=0), position=-2),
            _service(_category(second, position=9), position=0),
            _service(_category(also_second, position=0), position=0),
        ]
        late = _service(category, position=-3)
        expected.insert(1, late)

        rows = listing.rows(cast.alice().user.id)

        assert [row["service"] for row in rows] == [service.pk for service in expected]

    def test_leave_out_what_is_not_sold(self) -> None:
        shown = cast.service()
        cast.service(visibility=Visibility.HIDDEN)
        cast.service(visibility=Visibility.DISABLED)

        rows = listing.rows(cast.alice().user.id)

        assert [row["service"] for row in rows] == [shown.pk]

    def test_carry_this_users_rates_alone(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        cast.service(rate="1")
        agreed = cast.service(rate="2")
        UserRate.objects.create(user=alice, service=agreed, rate_e8=money.parse("1.5"))
        Discount.objects.create(user=alice, percent_e2=1_234)

        assert [row["rate"] for row in listing.rows(alice.id)] == ["0.8766", "1.5"]
        assert [row["rate"] for row in listing.rows(bob.id)] == ["1", "2"]

    def test_cost_four_queries_however_many_there_are(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        alice = cast.alice().user
        first = cast.service()
        first.pk = None
        Service.objects.bulk_create(
            Service(
                category_id=first.category_id,
                name=f"Service {number}",
                type=first.type,
                rate_e8=number * money.RATE_STEP_E8,
            )
            for number in range(1_000)
        )

        with django_assert_num_queries(4):
            rows = listing.rows(alice.id)

        assert len(rows) == 1_001


def _category(platform: Platform, *, position: int) -> Category:
    name = f"category {Category.objects.count()}"
    return Category.objects.create(platform=platform, name=name, position=position)


def _service(category: Category, *, position: int) -> Service:
    service = cast.service(position=position)
    Service.objects.filter(pk=service.pk).update(category=category)
    return service


class TestKept:
    def test_is_made_once_for_all_who_pay_the_same(self) -> None:
        cast.service()
        alice, bob = cast.alice().user, cast.bob().user

        assert listing.encoded(alice.id) is listing.encoded(bob.id)

    def test_is_made_anew_after_a_change(self) -> None:
        service, alice = cast.service(rate="1"), cast.alice().user
        before = listing.encoded(alice.id)

        Service.objects.filter(pk=service.pk).update(rate_e8=money.parse("2"))

        after = listing.encoded(alice.id)
        assert json.loads(after.body)[0]["rate"] == "2"
        assert after.tag != before.tag

    def test_of_one_price_group_is_not_another_ones(self) -> None:
        cast.service(rate="1")
        alice, bob = cast.alice().user, cast.bob().user
        Discount.objects.create(user=alice, percent_e2=5_000)

        told = [json.loads(listing.encoded(user.id).body)[0]["rate"] for user in (alice, bob)]

        assert told == ["0.5", "1"]

    def test_takes_no_more_memory_than_it_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cast.service(rate="1")
        alice, bob = cast.alice().user, cast.bob().user
        Discount.objects.create(user=alice, percent_e2=5_000)
        first = listing.encoded(alice.id)
        monkeypatch.setattr(listing, "KEPT_BYTES_MAX", len(first.body) + 10)

        second = listing.encoded(bob.id)

        assert listing.encoded(bob.id) is second
        assert listing.encoded(alice.id) is not first


class TestCompressed:
    def test_holds_the_same(self) -> None:
        cast.service()
        listed = listing.encoded(cast.alice().user.id)

        assert gzip.decompress(listing.compressed(listed)) == listed.body
        assert listing.compressed(listed) is listed.compressed
