from __future__ import annotations

from datetime import timedelta

import pytest

from relaypanel.providers import logbook
from relaypanel.providers.models import BalanceReading, Trouble
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


def note(provider_id: int, words: str, *, duty: str = "poll", later: int = 0) -> None:
    now = NOW + timedelta(minutes=later)
    logbook.note_trouble(provider_id=provider_id, duty=duty, words=words, now=now)


class TestTroubles:
    def test_tell_what_went_wrong_the_latest_first(self) -> None:
        provider = cast.provider()

        note(provider.pk, "no connection")
        note(provider.pk, "status 503", later=1)

        found = logbook.troubles(provider)
        assert [(each.duty, each.words) for each in found] == [
            ("poll", "status 503"),
            ("poll", "no connection"),
        ]

    def test_count_the_same_words_in_a_row(self) -> None:
        provider = cast.provider()

        for minute in range(3):
            note(provider.pk, "no connection", later=minute)

        [only] = logbook.troubles(provider)
        assert (only.times, only.first_at) == (3, NOW)
        assert only.last_at == NOW + timedelta(minutes=2)

    def test_of_one_duty_do_not_part_those_of_another(self) -> None:
        provider = cast.provider()

        note(provider.pk, "no connection")
        note(provider.pk, "status 503", duty="send", later=1)
        note(provider.pk, "no connection", later=2)

        assert {each.duty: each.times for each in logbook.troubles(provider)} == {
            "poll": 2,
            "send": 1,
        }

    def test_are_those_of_one_provider_alone(self) -> None:
        mine, other = cast.provider(), cast.provider(name="other")

        note(other.pk, "no connection")

        assert not logbook.troubles(mine)

    def test_forget_the_oldest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(logbook, "TROUBLES_KEPT", 3)
        provider, other = cast.provider(), cast.provider(name="other")
        note(other.pk, "long ago")

        for number in range(5):
            note(provider.pk, f"fault {number}", later=number)

        assert [each.words for each in logbook.troubles(provider)] == [
            "fault 4",
            "fault 3",
            "fault 2",
        ]
        assert logbook.troubles(other).count() == 1

    def test_keep_so_much_of_long_words(self) -> None:
        provider = cast.provider()

        note(provider.pk, "x" * 10_000)
        note(provider.pk, "x" * 10_000)

        assert Trouble.objects.get().words == "x" * logbook.WORDS_MAX


class TestBalance:
    def test_is_written_when_it_is_another(self) -> None:
        provider = cast.provider()

        for minute, amount_e8 in enumerate((5, 5, 4, 4, 5)):
            logbook.note_balance(
                provider_id=provider.pk, amount_e8=amount_e8, now=NOW + timedelta(minutes=minute)
            )

        told = logbook.readings(provider, since=NOW)
        assert [reading.amount_e8 for reading in told] == [5, 4, 5]

    def test_is_told_since_a_moment(self) -> None:
        provider = cast.provider()
        logbook.note_balance(provider_id=provider.pk, amount_e8=5, now=NOW)
        logbook.note_balance(provider_id=provider.pk, amount_e8=4, now=LATER)

        told = logbook.readings(provider, since=LATER)

        assert [reading.amount_e8 for reading in told] == [4]

    def test_of_another_provider_is_apart(self) -> None:
        provider, other = cast.provider(), cast.provider(name="other")
        logbook.note_balance(provider_id=provider.pk, amount_e8=5, now=NOW)

        logbook.note_balance(provider_id=other.pk, amount_e8=5, now=LATER)

        assert BalanceReading.objects.count() == 2
