from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from relaypanel.storefront import announcements
from relaypanel.storefront.models import Announcement, AnnouncementKind
from tests.cast import NOW

HOUR = timedelta(hours=1)


def announce(title: str = "Giá mới", **wording: Any) -> Announcement:
    whole: dict[str, Any] = {"title": title, "from_at": NOW} | wording
    return announcements.announce(**whole)


def titles(language: str = "en") -> list[str]:
    return [one.title for one in announcements.shown(language=language, now=NOW)]


@pytest.mark.django_db
class TestShown:
    def test_is_what_holds_now_the_latest_first(self) -> None:
        announce("ended", from_at=NOW - 2 * HOUR, until_at=NOW)
        announce("older", from_at=NOW - HOUR, until_at=NOW + HOUR)
        announce("now")
        announce("to come", from_at=NOW + HOUR)

        assert titles() == ["now", "older"]

    def test_is_in_the_readers_language_or_for_all(self) -> None:
        announce("for all")
        announce("bằng tiếng Việt", language="vi")

        assert titles("vi") == ["bằng tiếng Việt", "for all"]
        assert titles("en") == ["for all"]

    def test_is_drawn_without_harm(self) -> None:
        announce(body="**Half** price <script>x</script>", kind=AnnouncementKind.OFFER)

        [shown] = announcements.shown(language="en", now=NOW)

        assert shown.html == "<p><strong>Half</strong> price &lt;script&gt;x&lt;/script&gt;</p>\n"
        assert shown.kind is AnnouncementKind.OFFER

    def test_is_not_the_whole_wall(self) -> None:
        for number in range(announcements.SHOWN_MAX + 1):
            announce(str(number))

        assert len(titles()) == announcements.SHOWN_MAX


@pytest.mark.django_db
class TestPage:
    def test_goes_through_all_once(self) -> None:
        made = [announce(str(number)).pk for number in range(5)]

        first = announcements.page(limit=3)
        second = announcements.page(before=first.before, limit=3)

        assert [one.pk for one in (*first.announcements, *second.announcements)] == made[::-1]
        assert second.before is None

    def test_that_is_just_full_is_the_last(self) -> None:
        announce()

        assert announcements.page(limit=1).before is None


@pytest.mark.django_db
class TestAnnounce:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", " "),
            ("title", "x" * 121),
            ("body", "x" * 5_001),
            ("language", "xx"),
            ("kind", "joke"),
            ("until_at", NOW),
        ],
    )
    def test_refuses_and_names_the_field(self, field: str, value: Any) -> None:
        with pytest.raises(announcements.BadAnnouncement) as refused:
            announce(**{field: value})

        assert refused.value.field == field
        assert not Announcement.objects.exists()


@pytest.mark.django_db
class TestChange:
    def test_changes_what_is_named(self) -> None:
        one = announce(body="old")

        announcements.change(one.pk, title="Mới hơn", until_at=NOW + HOUR)

        one.refresh_from_db()
        assert (one.title, one.body, one.until_at) == ("Mới hơn", "old", NOW + HOUR)

    def test_refuses_as_announcing_does(self) -> None:
        one = announce()

        with pytest.raises(announcements.BadAnnouncement):
            announcements.change(one.pk, title="")

    def test_refuses_one_that_is_not_there(self) -> None:
        with pytest.raises(announcements.NoSuchAnnouncement):
            announcements.change(1, title="x")


@pytest.mark.django_db
class TestTakeDown:
    def test_takes_it_away_once(self) -> None:
        one = announce()

        announcements.take_down(one.pk)

        assert titles() == []
        with pytest.raises(announcements.NoSuchAnnouncement):
            announcements.take_down(one.pk)


@pytest.mark.django_db
class TestAnnouncement:
    @pytest.mark.parametrize(
        "wrong", [{"kind": "joke"}, {"language": "xx"}, {"until_at": NOW}, {"title": ""}]
    )
    def test_is_kept_whole_by_the_database(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(IntegrityError):
            Announcement.objects.create(**({"title": "x", "from_at": NOW} | wrong))
