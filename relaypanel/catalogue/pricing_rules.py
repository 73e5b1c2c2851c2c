"""Mark-ups: which one is for which service.  The most specific one wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from relaypanel import errors
from relaypanel.catalogue import margin
from relaypanel.catalogue.models import Markup
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider

MARKUP_PERCENT_MAX: Final = 10_000
# What fits the column of a rule.
CATEGORY_CHARACTERS_MAX: Final = 200


class MarkupOutOfRange(errors.Refused):
    code = "markup_out_of_range"

    def __init__(self) -> None:
        super().__init__(
            f"A mark-up is a percentage from 0 to {MARKUP_PERCENT_MAX} with at most two decimals."
        )


class NoSuchRule(errors.Refused):
    code = "no_such_rule"

    def __init__(self) -> None:
        super().__init__("There is no such rule.")


class UnknownCategory(errors.Refused):
    code = "unknown_category"

    def __init__(self, *, provider: Provider, category: str) -> None:
        super().__init__(f"{provider.name} lists nothing in a category called {category!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """`percent_e2` is in hundredths of a percent, `fixed_e8` in the panel's currency."""

    percent_e2: int
    fixed_e8: int = 0
    auto_import: bool = False

    def price(self, *, rate_e8: int, rate_to_panel_e8: int | None) -> int:
        """Return our rate in e8 for a provider's rate."""
        return margin.price(
            rate_e8=rate_e8,
            rate_to_panel_e8=rate_to_panel_e8,
            percent_e2=self.percent_e2,
            fixed_e8=self.fixed_e8,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    by_service: dict[int, Rule] = field(default_factory=dict)
    # By provider and its category; "" is for all its categories.
    by_category: dict[tuple[int, str], Rule] = field(default_factory=dict)

    def find(self, *, service_id: int | None, provider_id: int, category: str) -> Rule | None:
        """Return the rule for a service (None: one that is not yet ours), None without one."""
        return (
            (None if service_id is None else self.by_service.get(service_id))
            or self.by_category.get((provider_id, category))
            or self.by_category.get((provider_id, ""))
        )


def load() -> Rules:
    rules = Rules()
    for markup in Markup.objects.all():
        rule = Rule(
            percent_e2=markup.percent_e2,
            fixed_e8=markup.fixed_e8,
            auto_import=markup.auto_import,
        )
        if markup.service_id is not None:
            rules.by_service[markup.service_id] = rule
        else:
            assert markup.provider_id is not None
            rules.by_category[markup.provider_id, markup.category] = rule
    return rules


def percent_e2(percent: Decimal) -> int:
    """Return a mark-up in hundredths of a percent.  Raises MarkupOutOfRange."""
    if not (percent.is_finite() and 0 <= percent <= MARKUP_PERCENT_MAX):
        raise MarkupOutOfRange
    hundredths = percent * 100
    if hundredths != hundredths.to_integral_value():
        raise MarkupOutOfRange
    return int(hundredths)


def set_for_provider(provider: Provider, rule: Rule, *, category: str = "") -> None:
    """Write the rule for all of a provider's categories, or for one of them.

    Rates follow at the next sync.  Raises UnknownCategory.
    """
    if category and not _lists(provider, category):
        raise UnknownCategory(provider=provider, category=category)
    Markup.objects.update_or_create(provider=provider, category=category, defaults=_columns(rule))


def set_for_services(service_ids: Iterable[int], rule: Rule) -> None:
    """Write the rule for each of these services."""
    assert not rule.auto_import
    Markup.objects.bulk_create(
        [Markup(service_id=service_id, **_columns(rule)) for service_id in service_ids],
        update_conflicts=True,
        unique_fields=["service"],
        update_fields=["percent_e2", "fixed_e8"],
    )


def adopt(provider: Provider, services: dict[int, Listing], rule: Rule, *, whole: bool) -> None:
    """Keep to `rule` for services that were just put up at it, whatever the other rules say.

    The first import of a whole list sets the rule of the provider.
    """
    rules = load()
    if whole and (provider.pk, "") not in rules.by_category:
        set_for_provider(provider, rule)
        rules.by_category[provider.pk, ""] = rule
    for_others = [
        service_id
        for service_id, listing in services.items()
        if not _is_same(
            rule,
            rules.find(service_id=None, provider_id=provider.pk, category=listing.category),
        )
    ]
    set_for_services(for_others, rule)


def remove_for_provider(provider: Provider, *, category: str = "") -> None:
    """Drop the rule for all of a provider's categories, or for one of them.  Raises NoSuchRule."""
    if not Markup.objects.filter(provider=provider, category=category).delete()[0]:
        raise NoSuchRule


def remove_for_service(service_id: int) -> None:
    """Let a service follow the rule of its provider again.  Raises NoSuchRule."""
    if not Markup.objects.filter(service_id=service_id).delete()[0]:
        raise NoSuchRule


def _lists(provider: Provider, category: str) -> bool:
    fits = len(category) <= CATEGORY_CHARACTERS_MAX
    return fits and provider.services.filter(category=category).exists()


def _columns(rule: Rule) -> dict[str, int | bool]:
    return {
        "percent_e2": rule.percent_e2,
        "fixed_e8": rule.fixed_e8,
        "auto_import": rule.auto_import,
    }


def _is_same(one: Rule, other: Rule | None) -> bool:
    return other is not None and (one.percent_e2, one.fixed_e8) == (
        other.percent_e2,
        other.fixed_e8,
    )
