from __future__ import annotations

import pytest

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry
from relaypanel.storefront import announcements, editing, texts
from relaypanel.storefront.models import AnnouncementKind, TextPage
from tests import cast

pytestmark = pytest.mark.django_db


class TestAnnouncement:
    def test_is_made_and_taken_down_with_a_line_each(self) -> None:
        made = editing.announce(
            title="Sale", kind=AnnouncementKind.OFFER, from_at=cast.NOW, by=CONSOLE, now=cast.NOW
        )
        editing.take_down(announcement_id=made.pk, by=CONSOLE, now=cast.NOW)

        acts = AuditEntry.objects.order_by("pk").values_list("act", flat=True)
        assert list(acts) == ["announcement.make", "announcement.take_down"]
        with pytest.raises(announcements.NoSuchAnnouncement):
            editing.take_down(announcement_id=made.pk, by=CONSOLE, now=cast.NOW)
        assert AuditEntry.objects.count() == 2


class TestWrite:
    def test_keeps_the_words_and_says_how_they_began(self) -> None:
        editing.write(page="faq", language="vi", body="Chào", by=CONSOLE, now=cast.NOW)

        assert texts.written(page=TextPage.FAQ) == {"vi": "Chào"}
        entry = AuditEntry.objects.get()
        assert (entry.subject_id, entry.after["begins"]) == ("faq:vi", "Chào")

    def test_writes_nothing_for_what_is_no_place(self) -> None:
        with pytest.raises(texts.UnknownText):
            editing.write(page="x", language="vi", body="a", by=CONSOLE, now=cast.NOW)

        assert not AuditEntry.objects.exists()
