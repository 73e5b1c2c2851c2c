"""How a user is called and how pages speak to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from relaypanel.accounts.models import Theme, User


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """`models.User` tells what each one means, and what its empty text does."""

    display_name: str
    language: str
    time_zone: str
    theme: Theme
    second_currency: str


def save(*, user_id: int, profile: Profile) -> None:
    assert not profile.time_zone or profile.time_zone in time_zones()
    User.objects.filter(pk=user_id).update(
        display_name=profile.display_name,
        language=profile.language,
        time_zone=profile.time_zone,
        theme=profile.theme,
        second_currency=profile.second_currency,
    )


@cache
def time_zones() -> tuple[str, ...]:
    """Return the zones that people live in, by their names in the IANA database."""
    regions = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe")
    lived_in = (*regions, "Indian", "Pacific")
    names = (name for name in available_timezones() if name.partition("/")[0] in lived_in)
    return ("UTC", *sorted(names))
