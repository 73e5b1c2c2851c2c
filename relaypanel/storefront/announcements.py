"""What the owner tells all customers: on their dashboard, from a moment until another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict, Unpack

from django.db.models import Q
from django.utils.safestring import SafeString

from relaypanel import errors
from relaypanel.storefront import markup
from relaypanel.storefront.models import LANGUAGES, Announcement, AnnouncementKind

SHOWN_MAX: Final = 5
TITLE_CHARACTERS_MAX: Final = 120
BODY_CHARACTERS_MAX: Final = 5_000


class BadAnnouncement(errors.Refused):
    """`field` is what has to be written otherwise."""

    code = "bad_announcement"

    def __init__(self, *, field: str, words: str) -> None:
        self.field = field
        super().__init__(words)


class NoSuchAnnouncement(errors.Refused):
    code = "no_such_announcement"

    def __init__(self) -> None:
        super().__init__("This announcement is not there any more.")


class Wording(TypedDict, total=False):
    """What models.Announcement tells each one means."""

    title: str
    body: str
    kind: AnnouncementKind
    language: str
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    id: int
    title: str
    html: SafeString
    kind: AnnouncementKind
    from_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`before` asks for the page after this one; None: this is the last."""

    announcements: list[Announcement]
    before: int | None


def shown(*, language: str, now: datetime) -> list[Shown]:
    """Return what a reader of this language sees now, the latest first."""
    rows = Announcement.objects.filter(
        Q(until_at=None) | Q(until_at__gt=now), from_at__lte=now, language__in=("", language)
    ).order_by("-from_at", "-id")
    return [
        Shown(
            id=row.pk,
            title=row.title,
            html=markup.html(row.body),
            kind=AnnouncementKind(row.kind),
            from_at=row.from_at,
        )
        for row in rows[:SHOWN_MAX]
    ]


def page(*, before: int | None = None, limit: int = 50) -> Page:
    """Return all announcements, the newest first, for those who write them."""
    rows = Announcement.objects.order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    kept = found[:limit]
    return Page(announcements=kept, before=kept[-1].pk if len(found) > limit else None)


def one(announcement_id: int) -> Announcement:
    """Raises NoSuchAnnouncement."""
    found = Announcement.objects.filter(pk=announcement_id).first()
    if found is None:
        raise NoSuchAnnouncement
    return found


def announce(**wording: Unpack[Wording]) -> Announcement:
    """Return a new announcement.  Raises BadAnnouncement."""
    announcement = Announcement(**wording)
    _check(announcement)
    announcement.save(force_insert=True)
    return announcement


def change(announcement_id: int, **wording: Unpack[Wording]) -> Announcement:
    """Return the announcement with these columns changed.

    Raises NoSuchAnnouncement and BadAnnouncement.
    """
    announcement = one(announcement_id)
    for column, value in wording.items():
        setattr(announcement, column, value)
    _check(announcement)
    announcement.save(update_fields=list(wording))
    return announcement


def take_down(announcement_id: int) -> None:
    """Delete an announcement.  Raises NoSuchAnnouncement."""
    deleted, _ = Announcement.objects.filter(pk=announcement_id).delete()
    if not deleted:
        raise NoSuchAnnouncement


def _check(announcement: Announcement) -> None:
    announcement.title = announcement.title.replace("\0", "").strip()
    announcement.body = announcement.body.replace("\0", "").strip()
    if not 1 <= len(announcement.title) <= TITLE_CHARACTERS_MAX:
        raise BadAnnouncement(
            field="title", words=f"A title has 1 to {TITLE_CHARACTERS_MAX} characters."
        )
    if len(announcement.body) > BODY_CHARACTERS_MAX:
        raise BadAnnouncement(
            field="body", words=f"This is too long: at most {BODY_CHARACTERS_MAX} characters."
        )
    if announcement.language not in ("", *LANGUAGES):
        raise BadAnnouncement(field="language", words="The pages do not speak this language.")
    if announcement.kind not in AnnouncementKind.values:
        raise BadAnnouncement(field="kind", words="There is no such kind of announcement.")
    if announcement.until_at is not None and announcement.until_at <= announcement.from_at:
        raise BadAnnouncement(field="until_at", words="It would end before it begins.")
