"""How a provider's price list is followed, as its owner sets it."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from relaypanel import errors
from relaypanel.catalogue.models import MirrorTerms
from relaypanel.providers.models import Provider

# As the `mirror_terms_are_in_range` constraint has it.
RANGES: Final = {
    "every_minutes": (1, 10_080),
    "spike_percent": (1, 1_000),
    "vanish_syncs": (1, 100),
}


class Numbers(TypedDict, total=False):
    """What models.MirrorTerms tells each one means."""

    every_minutes: int
    spike_percent: int
    vanish_syncs: int


class TermsOutOfRange(errors.Refused):
    code = "terms_out_of_range"

    def __init__(self, *, name: str) -> None:
        least, most = RANGES[name]
        words = name.replace("_", " ")
        super().__init__(f"{words.capitalize()}: a whole number from {least} to {most}.")


class CurrencyCostsNothing(errors.Refused):
    code = "currency_costs_nothing"

    def __init__(self) -> None:
        super().__init__("A currency costs more than nothing; write it like 0.00004.")


def of(provider: Provider) -> MirrorTerms:
    return MirrorTerms.objects.get_or_create(provider=provider)[0]


def change(provider: Provider, **numbers: Unpack[Numbers]) -> MirrorTerms:
    """Return a provider's terms with these numbers changed.  Raises TermsOutOfRange."""
    for name, number in numbers.items():
        assert isinstance(number, int)
        least, most = RANGES[name]
        if not least <= number <= most:
            raise TermsOutOfRange(name=name)
    return MirrorTerms.objects.update_or_create(provider=provider, defaults=numbers)[0]


def set_currency_rate(provider: Provider, rate_to_panel_e8: int) -> None:
    """Say what one unit of a provider's currency costs; rates follow at the next sync.

    Raises CurrencyCostsNothing.
    """
    if rate_to_panel_e8 < 1:
        raise CurrencyCostsNothing
    provider.rate_to_panel_e8 = rate_to_panel_e8
    provider.save(update_fields=["rate_to_panel_e8"])
