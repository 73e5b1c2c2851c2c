"""What the owner sets of the whole panel: its name and colour, who may come in, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from relaypanel import clock, errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.storefront.models import Profile

# Every page asks for the name and the colour.  A change shows at once in the process that made it,
# and in the others after this long.
KEPT_SECONDS: Final = 5
NAME_CHARACTERS_MAX: Final = 40
WORDS_CHARACTERS_MAX: Final = 300
HUE_MAX: Final = 359


class BadProfile(errors.Refused):
    """`field` is what cannot be."""

    code = "bad_profile"

    def __init__(self, *, field: str) -> None:
        self.field = field
        super().__init__(field)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """`name` "": as PANEL_NAME says."""

    name: str
    hue: int
    sign_up_is_open: bool
    is_closed: bool
    closed_words: str
    adjust_alone_max_e8: int

    @property
    def shown_name(self) -> str:
        return self.name or settings.PANEL_NAME


def current() -> Settings:
    """Return what is set now."""
    row = Profile.objects.get()
    return Settings(**{name: getattr(row, name) for name in Settings.__slots__})


def shown() -> Settings:
    """Return what was set at most KEPT_SECONDS ago, for what each page shows."""
    kept = _kept.get("settings")
    if kept is None or clock.monotonic() > kept[0] + KEPT_SECONDS:
        kept = _kept["settings"] = (clock.monotonic(), current())
    return kept[1]


def forget() -> None:
    """Forget what this process keeps."""
    _kept.clear()


def save(*, wanted: Settings, by: Actor, now: datetime) -> None:
    """Set it all.  Raises BadProfile."""
    for name, is_good in _judged(wanted).items():
        if not is_good:
            raise BadProfile(field=name)
    with transaction.atomic():
        row = Profile.objects.select_for_update(no_key=True).get()
        before = current()
        for name, value in asdict(wanted).items():
            setattr(row, name, value)
        row.save()
        audit_log.record(
            by=by,
            act="settings.save",
            subject=("settings", "profile"),
            before=asdict(before),
            after=asdict(wanted),
            now=now,
        )
    _kept["settings"] = (clock.monotonic(), wanted)


_kept: Final[dict[str, tuple[float, Settings]]] = {}


def _judged(wanted: Settings) -> Mapping[str, bool]:
    return {
        "name": len(wanted.name) <= NAME_CHARACTERS_MAX,
        "hue": 0 <= wanted.hue <= HUE_MAX,
        "closed_words": len(wanted.closed_words) <= WORDS_CHARACTERS_MAX,
        "adjust_alone_max_e8": 0 <= wanted.adjust_alone_max_e8 <= money.MAX_E8,
    }
