from __future__ import annotations

from datetime import UTC, date, datetime

from django.utils import timezone

from relaypanel.look import days


class TestBegin:
    def test_is_midnight_where_the_reader_is(self) -> None:
        with timezone.override("Asia/Ho_Chi_Minh"):
            assert days.begin(date(2026, 11, 2)) == datetime(2026, 11, 1, 17, tzinfo=UTC)

    def test_stays_within_the_calendar_of_every_zone(self) -> None:
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            with timezone.override(zone):
                assert days.begin(date.min).astimezone(UTC).year in (1969, 1970)
                assert days.begin(date.max).astimezone(UTC).year in (8999, 9000)


class TestEnd:
    def test_is_when_the_next_day_begins(self) -> None:
        assert days.end(date(2026, 12, 31)) == days.begin(date(2027, 1, 1))

    def test_is_after_all_orders_for_the_last_day_that_there_is(self) -> None:
        assert days.end(date.max).year == 9000
