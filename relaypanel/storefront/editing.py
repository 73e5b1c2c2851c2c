"""The owner's words as staff write them: each with its line in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from django.db import transaction

from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.storefront import announcements, texts
from relaypanel.storefront.announcements import Wording
from relaypanel.storefront.models import Announcement, TextPage


def announce(*, by: Actor, now: datetime, **wording: Unpack[Wording]) -> Announcement:
    """Return a new announcement.  Raises announcements.BadAnnouncement."""
    with transaction.atomic():
        made = announcements.announce(**wording)
        audit_log.record(
            by=by,
            act="announcement.make",
            subject=("announcement", made.pk),
            after=_told(made),
            now=now,
        )
    return made


def change(*, announcement_id: int, by: Actor, now: datetime, **wording: Unpack[Wording]) -> None:
    """Word an announcement otherwise.

    Raises announcements.NoSuchAnnouncement and announcements.BadAnnouncement.
    """
    with transaction.atomic():
        before = _told(announcements.one(announcement_id))
        changed = announcements.change(announcement_id, **wording)
        audit_log.record(
            by=by,
            act="announcement.change",
            subject=("announcement", announcement_id),
            before=before,
            after=_told(changed),
            now=now,
        )


def take_down(*, announcement_id: int, by: Actor, now: datetime) -> None:
    """Raises announcements.NoSuchAnnouncement."""
    with transaction.atomic():
        announcements.take_down(announcement_id)
        audit_log.record(
            by=by,
            act="announcement.take_down",
            subject=("announcement", announcement_id),
            now=now,
        )


def write(*, page: str, language: str, body: str, by: Actor, now: datetime) -> None:
    """Keep the words for a page.  Raises texts.UnknownText and texts.TextTooLong."""
    with transaction.atomic():
        if page in TextPage.values:
            before = texts.written(page=TextPage(page)).get(language, "")
        else:
            before = ""
        texts.write(page=page, language=language, body=body, now=now)
        audit_log.record(
            by=by,
            act="text.write",
            subject=("text", f"{page}:{language}"),
            before={"characters": len(before), "begins": before[:200]},
            after={"characters": len(body.strip()), "begins": body.strip()[:200]},
            now=now,
        )


def _told(one: Announcement) -> dict[str, str]:
    told = {"title": one.title, "kind": str(one.kind), "language": one.language}
    return told | {"begins": one.body[:200]}
