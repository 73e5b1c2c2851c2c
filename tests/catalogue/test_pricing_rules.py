from __future__ import annotations

from decimal import Decimal

import pytest

from relaypanel import money
from relaypanel.catalogue import pricing_rules
from relaypanel.catalogue.models import Markup
from relaypanel.catalogue.pricing_rules import Rule, Rules
from tests import cast
from tests.catalogue.lists import listing, sell


class TestFind:
    RULES = Rules(
        by_service={9: Rule(percent_e2=1)},
        by_category={(3, "Likes"): Rule(percent_e2=2), (3, ""): Rule(percent_e2=3)},
    )

    @pytest.mark.parametrize(
        ("service_id", "provider_id", "category", "percent_e2"),
        [
            (9, 3, "Likes", 1),
            (9, 4, "", 1),
            (8, 3, "Likes", 2),
            (None, 3, "Likes", 2),
            (8, 3, "likes", 3),
            (8, 3, "", 3),
        ],
    )
    def test_takes_the_most_specific_one(
        self, service_id: int | None, provider_id: int, category: str, percent_e2: int
    ) -> None:
        found = self.RULES.find(service_id=service_id, provider_id=provider_id, category=category)

        assert found == Rule(percent_e2=percent_e2)

    def test_is_none_for_another_provider(self) -> None:
        assert self.RULES.find(service_id=8, provider_id=4, category="Likes") is None


class TestPrice:
    def test_adds_percent_and_amount(self) -> None:
        rule = Rule(percent_e2=1_250, fixed_e8=money.parse("0.5"))

        price_e8 = rule.price(rate_e8=money.parse("20"), rate_to_panel_e8=money.parse("0.1"))

        assert money.text(price_e8) == "2.75"


class TestPercent:
    @pytest.mark.parametrize(("percent", "e2"), [("0", 0), ("12.5", 1_250), ("10000.00", 10**6)])
    def test_is_in_hundredths(self, percent: str, e2: int) -> None:
        assert pricing_rules.percent_e2(Decimal(percent)) == e2

    @pytest.mark.parametrize("percent", ["-1", "10000.01", "0.001", "NaN", "-Infinity"])
    def test_refuses_what_is_no_markup(self, percent: str) -> None:
        with pytest.raises(pricing_rules.MarkupOutOfRange, match="two decimals"):
            pricing_rules.percent_e2(Decimal(percent))


@pytest.mark.django_db
class TestRows:
    def test_are_read_as_they_were_written(self) -> None:
        provider = cast.provider()
        service, other = sell(provider, listing("1"), listing("2"))
        auto = Rule(percent_e2=1_000, fixed_e8=7, auto_import=True)
        pricing_rules.set_for_provider(provider, auto)
        pricing_rules.set_for_provider(provider, Rule(percent_e2=3), category="Facebook")
        pricing_rules.set_for_services([service.pk, other.pk], Rule(percent_e2=4))
        pricing_rules.set_for_services([service.pk], Rule(percent_e2=5, fixed_e8=6))

        assert pricing_rules.load() == Rules(
            by_category={(provider.pk, ""): auto, (provider.pk, "Facebook"): Rule(percent_e2=3)},
            by_service={
                service.pk: Rule(percent_e2=5, fixed_e8=6),
                other.pk: Rule(percent_e2=4),
            },
        )

    def test_are_dropped_one_by_one(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        pricing_rules.set_for_provider(provider, Rule(percent_e2=3), category="Facebook")
        pricing_rules.set_for_services([service.pk], Rule(percent_e2=4))

        pricing_rules.remove_for_service(service.pk)
        pricing_rules.remove_for_provider(provider, category="Facebook")

        assert pricing_rules.load() == Rules(
            by_category={(provider.pk, ""): Rule(percent_e2=2_000)}
        )

    def test_that_are_not_there_cannot_be_dropped(self) -> None:
        (service,) = sell(provider := cast.provider())

        with pytest.raises(pricing_rules.NoSuchRule):
            pricing_rules.remove_for_service(service.pk)
        with pytest.raises(pricing_rules.NoSuchRule):
            pricing_rules.remove_for_provider(provider, category="Facebook")

        assert Markup.objects.count() == 1

    @pytest.mark.parametrize("category", ["facebook", "F" * 201])
    def test_are_for_categories_that_the_provider_lists(self, category: str) -> None:
        provider = cast.provider()
        sell(provider, listing(category="F" * 201))

        with pytest.raises(pricing_rules.UnknownCategory):
            pricing_rules.set_for_provider(provider, Rule(percent_e2=3), category=category)
