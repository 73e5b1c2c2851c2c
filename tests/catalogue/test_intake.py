from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.catalogue import intake, pricing_rules
from relaypanel.catalogue.models import (
    Category,
    News,
    Platform,
    Route,
    Service,
    ServiceUpdate,
    Visibility,
)
from relaypanel.catalogue.pricing_rules import Rule, Rules
from relaypanel.contract import TYPES, OrderType
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast

pytestmark = pytest.mark.django_db


class TestAddServices:
    def test_puts_a_service_up_for_sale_with_a_route(self) -> None:
        provider = cast.provider()
        upstream = _listed(provider, "77", refill=True, cancel=True, dripfeed=True)

        (service,) = _add(provider, markup="20")

        service.refresh_from_db()
        assert service.name == "Likes 👍"
        assert service.description == "Fast"
        assert service.category.name == "Facebook Likes"
        assert service.category.platform.name == "Facebook"
        assert service.type == OrderType.DEFAULT
        assert money.text(service.rate_e8) == "1.08"
        assert (service.rate_per, service.min, service.max) == (1000, 10, 5_000)
        assert service.refill_days == 30
        assert service.cancel
        assert service.dripfeed
        assert service.visibility == Visibility.ENABLED
        route = Route.objects.get()
        assert (route.service, route.upstream, route.enabled) == (service, upstream, True)

    def test_announces_what_is_new(self) -> None:
        provider = cast.provider()
        _listed(provider, "77")

        (service,) = _add(provider, markup="20")

        update = ServiceUpdate.objects.get()
        assert (update.service, update.kind, update.rate_e8) == (service, News.NEW, service.rate_e8)
        assert (update.at, update.rate_before_e8) == (cast.NOW, None)

    def test_takes_the_whole_list_in_its_order(self) -> None:
        provider = cast.provider()
        for upstream_id in ("9", "10", "1"):
            _listed(provider, upstream_id, name=f"no. {upstream_id}")

        services = _add(provider)

        assert [service.name for service in services] == ["no. 9", "no. 10", "no. 1"]
        assert [service.pk for service in services] == sorted(service.pk for service in services)

    def test_takes_only_what_is_asked_for(self) -> None:
        provider = cast.provider()
        for upstream_id in "abc":
            _listed(provider, upstream_id, name=upstream_id)

        services = _add(provider, only=["c", "a"])

        assert [service.name for service in services] == ["a", "c"]

    def test_leaves_what_already_has_a_route(self) -> None:
        provider = cast.provider()
        _listed(provider, "1")
        (first,) = _add(provider, markup="20")
        _listed(provider, "2")

        (second,) = _add(provider, markup="50")

        assert set(Service.objects.values_list("pk", "rate_e8")) == {
            (first.pk, money.parse("1.08")),
            (second.pk, money.parse("1.35")),
        }
        assert _add(provider, only=["1", "2"]) == []

    def test_leaves_what_is_gone_from_the_latest_list(self) -> None:
        provider = cast.provider()
        _listed(provider, "gone", seen_at=cast.NOW - timedelta(minutes=1))
        _listed(provider, "here", name="here")

        (service,) = _add(provider)

        assert service.name == "here"

    def test_leaves_the_services_of_other_providers(self) -> None:
        provider = cast.provider()
        _listed(cast.provider(name="other"), "1")
        _listed(provider, "1", name="ours")

        (service,) = _add(provider)

        assert service.name == "ours"

    def test_puts_new_things_behind_the_ones_that_are_there(self) -> None:
        provider = cast.provider()
        Service.objects.filter(pk=cast.service().pk).update(position=4)
        Category.objects.update(position=5)
        Platform.objects.update(position=6)
        _listed(provider, "1")

        (service,) = _add(provider)

        assert service.position == 4
        assert service.category.position == 5
        assert service.category.platform.position == 6

    def test_asks_little_for_a_long_list(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        provider = cast.provider()
        for number in range(100):
            _listed(provider, str(number))

        with django_assert_max_num_queries(30):
            assert len(_add(provider)) == 100

    @pytest.mark.parametrize("type_", OrderType)
    def test_prices_each_type_by_its_own_basis(self, type_: OrderType) -> None:
        provider = cast.provider()
        _listed(provider, "1", type=type_.value, dripfeed=True)

        (service,) = _add(provider)

        assert service.type == type_
        assert service.rate_per == TYPES[type_].rate_per
        assert service.dripfeed == TYPES[type_].drip_feed


class TestNames:
    def test_reuse_the_shelf_of_that_name(self) -> None:
        provider = cast.provider()
        for upstream_id in "ab":
            _listed(provider, upstream_id)
        _listed(provider, "c", platform="Instagram")

        one, two, elsewhere = _add(provider)

        assert one.category_id == two.category_id != elsewhere.category_id
        assert elsewhere.category.name == one.category.name
        assert Platform.objects.count() == 2

    def test_have_a_stand_in_where_the_provider_gave_none(self) -> None:
        provider = cast.provider()
        _listed(provider, "88", name=" \n", platform="", category="\t")

        (service,) = _add(provider)

        assert service.name == "Service 88"
        assert service.category.name == "Other"
        assert service.category.platform.name == "Other"

    def test_are_one_line_that_fits_its_column(self) -> None:
        provider = cast.provider()
        _listed(
            provider,
            "1",
            name="a\r\n\x1b b\x9b" + "ờ" * 600,
            platform="p " * 200,
            category="c" * 300,
        )

        (service,) = _add(provider)

        service.refresh_from_db()
        assert service.name == "a b " + "ờ" * 496
        assert service.category.platform.name == ("p " * 60).rstrip()
        assert service.category.name == "c" * 200


class TestBounds:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            ((10, 100), (10, 100)),
            ((0, 0), (1, 1)),
            ((-5, 100), (1, 100)),
            ((100, 10), (100, 100)),
            ((1, 2**62), (1, 2**31 - 1)),
            ((2**40, 2**62), (2**31 - 1, 2**31 - 1)),
        ],
    )
    def test_are_brought_into_order(self, theirs: tuple[int, int], ours: tuple[int, int]) -> None:
        provider = cast.provider()
        _listed(provider, "1", min=theirs[0], max=theirs[1])

        (service,) = _add(provider)

        assert (service.min, service.max) == ours


class TestMarkup:
    @pytest.mark.parametrize(
        ("theirs", "markup", "ours"),
        [
            ("0.9", "0", "0.9"),
            ("15000", "20", "18000"),
            ("0.00003", "10", "0.00004"),
            ("0.12345678", "0", "0.12346"),
            ("0.00000001", "0", "0.00001"),
            ("0.12341001", "0", "0.12342"),
            ("1", "33.33", "1.3333"),
            ("0", "20", "0"),
        ],
    )
    def test_rounds_up_to_the_five_decimals_of_a_rate(
        self, theirs: str, markup: str, ours: str
    ) -> None:
        provider = cast.provider()
        _listed(provider, "1", rate_e8=money.parse(theirs))

        (service,) = _add(provider, markup=markup)

        assert money.text(service.rate_e8) == ours

    @pytest.mark.parametrize("markup", ["-0.01", "10000.01", "NaN", "Infinity", "33.335"])
    def test_refuses_a_percentage_out_of_range(self, markup: str) -> None:
        provider = cast.provider()
        _listed(provider, "1")

        with pytest.raises(pricing_rules.MarkupOutOfRange):
            _add(provider, markup=markup)

    def test_refuses_a_rate_that_no_account_can_pay(self) -> None:
        provider = cast.provider()
        _listed(provider, "1")
        _listed(provider, "2", rate_e8=money.MAX_E8)

        with pytest.raises(intake.RateTooHigh, match="The rate of 2 is higher"):
            _add(provider, markup="0.01")

        assert not Service.objects.exists()
        assert not Platform.objects.exists()

    def test_becomes_the_rule_of_the_provider_with_the_first_whole_list(self) -> None:
        provider = cast.provider()
        _listed(provider, "1")
        (first,) = _add(provider, markup="20")
        _listed(provider, "2")

        (second,) = _add(provider, markup="50")

        rules = pricing_rules.load()
        assert rules.by_category == {(provider.pk, ""): Rule(percent_e2=2_000)}
        assert rules.by_service == {second.pk: Rule(percent_e2=5_000)}
        assert _found(rules, first) == Rule(percent_e2=2_000)

    def test_becomes_the_rule_of_each_service_that_is_picked(self) -> None:
        provider = cast.provider()
        pricing_rules.set_for_provider(provider, Rule(percent_e2=1_000))
        for upstream_id in "ab":
            _listed(provider, upstream_id)

        (dearer,) = _add(provider, markup="50", only=["a"])
        _add(provider, markup="10", only=["b"])

        assert pricing_rules.load().by_service == {dearer.pk: Rule(percent_e2=5_000)}

    def test_is_added_to_what_another_currency_costs(self) -> None:
        provider = cast.provider(currency="VND", rate_to_panel_e8=money.parse("0.00004"))
        _listed(provider, "1", rate_e8=money.parse("20000"))

        (service,) = _add(provider, markup="25")

        assert money.text(service.rate_e8) == "1"


class TestRefusals:
    def test_refuses_another_currency(self) -> None:
        provider = cast.provider(currency="VND")
        _listed(provider, "1")

        with pytest.raises(
            intake.OtherCurrency, match=r"upstream charges in VND .* --currency-rate"
        ):
            _add(provider)

        assert not Service.objects.exists()

    @pytest.mark.parametrize("unknown", ["404", "gone", "elsewhere"])
    def test_refuses_what_the_latest_list_does_not_hold(self, unknown: str) -> None:
        provider = cast.provider()
        _listed(provider, "1")
        _listed(provider, "gone", seen_at=cast.NOW - timedelta(minutes=1))
        _listed(cast.provider(name="other"), "elsewhere")

        with pytest.raises(intake.NotOnPriceList) as refusal:
            _add(provider, only=["1", unknown])

        assert refusal.value.upstream_ids == (unknown,)
        assert not Service.objects.exists()

    def test_refuses_a_provider_whose_list_was_never_fetched(self) -> None:
        with pytest.raises(intake.PriceListTooOld):
            _add(cast.provider())

    def test_refuses_a_list_of_yesterday(self) -> None:
        provider = cast.provider()
        _listed(provider, "1", seen_at=cast.NOW - timedelta(days=1, seconds=1))

        with pytest.raises(intake.PriceListTooOld, match="refresh it first"):
            _add(provider)


class TestOnSale:
    def test_names_what_already_has_a_route(self) -> None:
        provider = cast.provider()
        _listed(provider, "1")
        _listed(provider, "2")
        _add(provider)
        _listed(provider, "3")

        assert intake.on_sale(provider, upstream_ids=None) == ["1", "2"]
        assert intake.on_sale(provider, upstream_ids=["2", "3"]) == ["2"]

    def test_names_a_service_with_two_routes_once(self) -> None:
        service, provider = cast.service(), cast.provider()
        upstream = cast.route(service, provider, upstream_id="1")
        Route.objects.create(service=cast.service(), upstream=upstream)

        assert intake.on_sale(provider, upstream_ids=None) == ["1"]


def _add(provider: Provider, *, markup: str = "0", only: list[str] | None = None) -> list[Service]:
    return intake.add_services(
        provider, markup_percent=Decimal(markup), upstream_ids=only, now=cast.NOW
    )


def _found(rules: Rules, service: Service) -> Rule | None:
    upstream = service.routes.get().upstream
    return rules.find(
        service_id=service.pk, provider_id=upstream.provider_id, category=upstream.category
    )


def _listed(provider: Provider, upstream_id: str, **fields: Any) -> UpstreamService:
    row: dict[str, Any] = {
        "name": "Likes 👍",
        "description": "Fast",
        "category": "Facebook Likes",
        "platform": "Facebook",
        "type": OrderType.DEFAULT.value,
        "rate_e8": money.parse("0.9"),
        "min": 10,
        "max": 5_000,
        "refill": False,
        "cancel": False,
        "dripfeed": False,
        "seen_at": cast.NOW,
    }
    return UpstreamService.objects.create(
        provider=provider, upstream_id=upstream_id, **(row | fields)
    )
