from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from relaypanel import money
from relaypanel.catalogue import staff
from relaypanel.catalogue.models import News, Route, Service, ServiceUpdate, Visibility
from relaypanel.contract import OrderType
from tests import cast
from tests.catalogue.lists import after, listing, rate, sell, sync

pytestmark = pytest.mark.django_db


class TestChange:
    def test_sets_a_rate_and_locks_it(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        changed = staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("3"))

        assert changed.rate_e8 == money.parse("3")
        assert (changed.rate_locked, changed.name_locked) == (True, False)
        sync(provider, listing(rate="1.1"))
        assert rate(service) == "3"

    @pytest.mark.parametrize("words", [{"name": "Ours"}, {"description": "Ours"}])
    def test_sets_words_and_locks_them(self, words: dict[str, str]) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        staff.change(service_id=service.pk, now=after(1), **words)  # type: ignore[arg-type]

        sync(provider, listing(name="Likes 🚀", description="Theirs"))
        service.refresh_from_db()
        assert service.name_locked
        assert not service.rate_locked
        assert words.items() <= vars(service).items()

    def test_lets_an_unlocked_rate_follow_at_once(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("3"))

        changed = staff.change(service_id=service.pk, now=after(2), rate_locked=False)

        assert money.text(changed.rate_e8) == "1.2"

    def test_switches_automatic_refills(self) -> None:
        service = cast.service(refill_days=30)

        assert staff.change(service_id=service.pk, now=after(1), auto_refill=True).auto_refill
        assert not staff.change(service_id=service.pk, now=after(2), auto_refill=False).auto_refill

    def test_refuses_automatic_refills_where_there_are_none(self) -> None:
        service = cast.service()

        with pytest.raises(staff.NotRefilled):
            staff.change(service_id=service.pk, now=after(1), auto_refill=True)

        service.refresh_from_db()
        assert not service.auto_refill

    def test_tells_customers(self) -> None:
        service = cast.service(rate="1")
        staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("2"))
        staff.change(service_id=service.pk, now=after(2), visibility=Visibility.DISABLED)
        staff.change(service_id=service.pk, now=after(3), visibility=Visibility.ENABLED)
        staff.change(service_id=service.pk, now=after(4), name="Likes")

        updates = ServiceUpdate.objects.order_by("pk")
        assert [(update.kind, update.at) for update in updates] == [
            (News.UP, after(1)),
            (News.OFF, after(2)),
            (News.ON, after(3)),
        ]

    def test_opens_what_was_paused_once_the_rate_pays(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        Service.objects.update(rate_locked=True)
        sync(provider, listing(rate="1.25"))

        changed = staff.change(service_id=service.pk, now=after(2), rate_e8=money.parse("1.25"))

        assert changed.visibility == Visibility.ENABLED
        assert Route.objects.get().closed_for == ""

    def test_refuses_a_rate_below_the_cost(self) -> None:
        (service,) = sell(cast.provider())

        with pytest.raises(staff.NotPaidFor, match="below its cost"):
            staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("0.99999"))

        assert rate(service) == "1.2"
        assert not service.rate_locked

    def test_refuses_to_open_what_nobody_fulfils(self) -> None:
        (service,) = sell(cast.provider())
        staff.change(service_id=service.pk, now=after(1), visibility=Visibility.HIDDEN)
        Route.objects.update(enabled=False)

        with pytest.raises(staff.NotPaidFor):
            staff.change(service_id=service.pk, now=after(2), visibility=Visibility.ENABLED)

        service.refresh_from_db()
        assert service.visibility == Visibility.HIDDEN

    def test_pauses_what_turns_out_to_have_no_route(self) -> None:
        (service,) = sell(cast.provider())
        Route.objects.update(enabled=False)

        changed = staff.change(service_id=service.pk, now=after(1), name="Likes")

        assert (changed.name, changed.visibility) == ("Likes", Visibility.PAUSED)

    def test_refuses_a_service_that_is_not_there(self) -> None:
        with pytest.raises(staff.UnknownService, match="no service 404"):
            staff.change(service_id=404, now=after(1), name="Likes")


class TestCreate:
    def test_makes_what_staff_deliver(self) -> None:
        category = cast.service().category

        service = staff.create(
            category_id=category.pk,
            type=OrderType.PACKAGE,
            name="By hand",
            description="",
            rate_e8=money.parse("5"),
            now=after(1),
            min=1,
            max=1,
            refill_days=None,
        )

        assert (service.rate_per, service.routes.count()) == (1, 0)
        assert ServiceUpdate.objects.get(service=service).kind == News.NEW

    @pytest.mark.parametrize(
        ("wrong", "refusal"),
        [
            ({"min": 5, "max": 4}, staff.BoundsOutOfOrder),
            ({"min": 0, "max": 4}, staff.BoundsOutOfOrder),
            ({"min": 1, "max": 2**31}, staff.BoundsOutOfOrder),
            ({"category_id": 999}, staff.NoSuchCategory),
            ({"name": " "}, staff.ServiceNameNeeded),
            ({"name": "a" * 501}, staff.ServiceNameNeeded),
        ],
    )
    def test_refuses_what_cannot_be(self, wrong: dict[str, Any], refusal: type[Exception]) -> None:
        category = cast.service().category
        told: dict[str, Any] = {
            "category_id": category.pk,
            "min": 1,
            "max": 1,
            "name": "By hand",
        } | wrong

        with pytest.raises(refusal):
            staff.create(
                type=OrderType.DEFAULT,
                description="",
                rate_e8=0,
                now=after(1),
                **told,
            )

        assert Service.objects.count() == 1

    def test_is_not_renamed_to_what_is_no_name(self) -> None:
        service = cast.service()

        for name in ("", "a" * 501):
            with pytest.raises(staff.ServiceNameNeeded):
                staff.change(service_id=service.pk, now=after(1), name=name)


class TestChangeMany:
    def test_changes_each_in_its_own_way(self) -> None:
        cheap, dear = cast.service(rate="1"), cast.service(rate="3")

        done = staff.change_many(
            service_ids=[cheap.pk, dear.pk],
            to=lambda one: {"rate_e8": staff.repriced(one.rate_e8, percent=Decimal(10))},
            now=after(1),
        )

        assert done == 2
        assert [rate(cheap), rate(dear)] == ["1.1", "3.3"]

    def test_changes_all_or_none(self) -> None:
        manual = cast.service(rate="1")
        (routed,) = sell(cast.provider())

        with pytest.raises(staff.NotPaidFor):
            staff.change_many(
                service_ids=[manual.pk, routed.pk],
                to=lambda one: {"rate_e8": staff.repriced(one.rate_e8, percent=Decimal(-50))},
                now=after(1),
            )

        assert [rate(manual), rate(routed)] == ["1", "1.2"]

    def test_refuses_too_many(self) -> None:
        with pytest.raises(staff.TooManyServices):
            staff.change_many(service_ids=range(501), to=lambda _: {}, now=after(1))


class TestRepriced:
    @pytest.mark.parametrize(
        ("rate_", "percent", "expected"),
        [("1", "5", "1.05"), ("1", "-5", "0.95"), ("0.00001", "-99", "0.00001"), ("0", "50", "0")],
    )
    def test_is_exact_to_five_decimals(self, rate_: str, percent: str, expected: str) -> None:
        rate_e8 = staff.repriced(money.parse(rate_), percent=Decimal(percent))

        assert money.text(rate_e8) == expected

    def test_adds_an_amount_behind_the_percent(self) -> None:
        rate_e8 = staff.repriced(
            money.parse("2"), percent=Decimal(50), amount_e8=-money.parse("0.00001")
        )

        assert money.text(rate_e8) == "2.99999"

    @pytest.mark.parametrize("amount", ["1", "1.5"])
    def test_leaves_something_of_the_price(self, amount: str) -> None:
        with pytest.raises(staff.NothingLeft):
            staff.repriced(money.parse("1"), amount_e8=-money.parse(amount))
