"""What the owner sets of the whole panel: name, looks, languages, who may come in, limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from relaypanel import clock, errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.storefront.models import LANGUAGES, Profile

# Every page asks for the name and the colour.  A change shows at once in the process that made it,
# and in the others after this long.
KEPT_SECONDS: Final = 5
NAME_CHARACTERS_MAX: Final = 40
WORDS_CHARACTERS_MAX: Final = 300
HUE_MAX: Final = 359
# It is shown 32 pixels high, on screens that draw three for each.
LOGO_SIDE_MAX: Final = 400


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
    # Set by `set_logo` alone.
    logo_name: str
    languages: str
    default_language: str
    sign_up_is_open: bool
    is_closed: bool
    closed_words: str
    adjust_alone_max_e8: int

    @property
    def shown_name(self) -> str:
        return self.name or settings.PANEL_NAME

    @property
    def offered(self) -> Sequence[str]:
        """The codes of the languages that readers may choose."""
        codes = self.languages.split(",")
        return [code for code in LANGUAGES if not self.languages or code in codes]

    def language(self, wanted: str) -> str:
        """Return the language for a reader who wants this one: itself, if it is offered."""
        if wanted in self.offered:
            return wanted
        return self.default_language or self.offered[0]


def current() -> Settings:
    """Return what is set now."""
    row = Profile.objects.defer("logo").get()
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
        for name in _SET:
            setattr(row, name, getattr(wanted, name))
        row.save(update_fields=_SET)
        audit_log.record(
            by=by,
            act="settings.save",
            subject=("settings", "profile"),
            before=asdict(before),
            after=asdict(wanted),
            now=now,
        )
    forget()


def set_logo(*, webp: bytes | None, by: Actor, now: datetime) -> None:
    """Show this picture beside the name from now on; None: the panel's own mark."""
    with transaction.atomic():
        row = Profile.objects.select_for_update(no_key=True).get()
        before, row.logo = row.logo_name, webp
        row.logo_name = "" if webp is None else hashlib.sha256(webp).hexdigest()[:16]
        row.save(update_fields=["logo", "logo_name"])
        audit_log.record(
            by=by,
            act="settings.logo",
            subject=("settings", "profile"),
            before={"logo": before},
            after={"logo": row.logo_name},
            now=now,
        )
    forget()


def find_logo(name: str) -> bytes | None:
    """Return the owner's mark as WebP; None: it has another name, or there is none."""
    found = Profile.objects.filter(logo_name=name).values_list("logo", flat=True).first()
    return bytes(found) if found else None


# What `save` writes.
_SET: Final = [name for name in Settings.__slots__ if name != "logo_name"]
_kept: Final[dict[str, tuple[float, Settings]]] = {}


def _judged(wanted: Settings) -> Mapping[str, bool]:
    return {
        "name": len(wanted.name) <= NAME_CHARACTERS_MAX,
        "hue": 0 <= wanted.hue <= HUE_MAX,
        "languages": wanted.languages == "" or set(wanted.languages.split(",")) <= {*LANGUAGES},
        "default_language": wanted.default_language in ("", *wanted.offered),
        "closed_words": len(wanted.closed_words) <= WORDS_CHARACTERS_MAX,
        "adjust_alone_max_e8": 0 <= wanted.adjust_alone_max_e8 <= money.MAX_E8,
    }
