from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from relaypanel import clock


class TestNow:
    def test_is_this_moment_aware_in_utc(self) -> None:
        before = datetime.now(UTC)
        now = clock.now()
        after = datetime.now(UTC)

        assert before <= now <= after
        assert now.tzinfo is UTC


class TestMonotonic:
    def test_only_goes_forward(self) -> None:
        readings = [clock.monotonic() for _ in range(100)]

        assert readings == sorted(readings)


@pytest.mark.django_db
class TestOfDatabase:
    def test_is_this_moment_aware_in_utc(self) -> None:
        moment = clock.of_database()

        assert moment.utcoffset() == timedelta(0)
        assert abs(moment - clock.now()) < timedelta(minutes=5)

    def test_goes_on_within_a_transaction(self) -> None:
        readings = [clock.of_database() for _ in range(100)]

        assert readings == sorted(readings)
        assert len(set(readings)) > 1
