from __future__ import annotations

import pytest

from relaypanel.orders import health
from relaypanel.providers.answers import Accepted, AddAnswer, Fault, NotSent, Rejected, Unclear
from relaypanel.providers.models import Provider
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db

ACCEPTED = Accepted(upstream_id="9001")
UNCLEAR = Unclear(reason="time-out after the body")
NOT_SENT = NotSent(reason="connection refused")


def no(fault: Fault) -> Rejected:
    return Rejected(fault=fault, words="Nope")


def _break() -> None:
    for _ in range(3):
        health.note(provider_id=scene.upstream().pk, answer=UNCLEAR, now=NOW)


class TestRoom:
    def test_is_what_the_provider_may_have_at_once(self) -> None:
        Provider.objects.filter(pk=scene.upstream().pk).update(concurrency=7)

        assert health.room(scene.upstream(), now=NOW) == 7

    def test_is_none_while_it_is_stopped(self) -> None:
        provider = scene.upstream()
        provider.paused_for, provider.paused_until = "no_funds", later(seconds=60)

        assert health.room(provider, now=later(seconds=59.999)) == 0
        provider.enabled = False
        assert health.room(provider, now=later(hours=1)) == 0

    def test_is_for_one_after_a_pause_until_an_order_is_taken(self) -> None:
        provider = scene.upstream()
        health.note(provider_id=provider.pk, answer=NOT_SENT, now=NOW)

        assert health.room(scene.upstream(), now=later(seconds=2)) == 1
        health.note(provider_id=provider.pk, answer=ACCEPTED, now=later(seconds=3))
        assert health.room(scene.upstream(), now=later(seconds=3)) == provider.concurrency

    def test_is_none_behind_the_breaker_however_long_it_rested(self) -> None:
        _break()

        assert health.room(scene.upstream(), now=later(hours=1)) == 0


class TestIsToBeAsked:
    def test_once_the_rest_of_the_breaker_is_over(self) -> None:
        _break()

        assert not health.is_to_be_asked(scene.upstream(), now=later(seconds=9.999))
        assert health.is_to_be_asked(scene.upstream(), now=later(seconds=10))

    def test_not_for_another_pause_or_while_its_owner_stopped_it(self) -> None:
        _break()
        provider = scene.upstream()

        provider.enabled = False
        assert not health.is_to_be_asked(provider, now=later(hours=1))
        provider.enabled, provider.paused_for = True, "no_funds"
        assert not health.is_to_be_asked(provider, now=later(hours=1))


class TestNoteAsked:
    def test_lets_one_order_go_to_a_provider_that_answers(self) -> None:
        _break()

        self._answer(plainly=True)

        assert health.room(scene.upstream(), now=later(seconds=10)) == 1
        assert not health.is_to_be_asked(scene.upstream(), now=later(hours=1))

    def test_asks_a_silent_one_again_and_risks_nothing(self) -> None:
        _break()

        self._answer(plainly=False)

        assert health.room(scene.upstream(), now=later(seconds=16)) == 0
        assert not health.is_to_be_asked(scene.upstream(), now=later(seconds=14.999))
        assert health.is_to_be_asked(scene.upstream(), now=later(seconds=15))

    def test_rests_longer_when_the_order_that_went_is_unclear_again(self) -> None:
        _break()
        self._answer(plainly=True)

        health.note(provider_id=scene.upstream().pk, answer=UNCLEAR, now=later(seconds=10))

        provider = scene.upstream()
        assert (provider.paused_for, provider.paused_until) == (
            "unclear_answers",
            later(seconds=30),
        )

    @pytest.mark.parametrize("answer", [ACCEPTED, no(Fault.NEVER)])
    def test_trusts_it_again_after_a_clear_answer_to_that_order(self, answer: AddAnswer) -> None:
        _break()
        self._answer(plainly=True)

        health.note(provider_id=scene.upstream().pk, answer=answer, now=later(seconds=10))

        provider = scene.upstream()
        assert health.room(provider, now=later(seconds=10)) == provider.concurrency

    def test_changes_nothing_when_the_breaker_has_closed_meanwhile(self) -> None:
        provider = scene.upstream()

        self._answer(plainly=True)
        self._answer(plainly=False)

        assert health.room(scene.upstream(), now=later(seconds=10)) == provider.concurrency

    def _answer(self, *, plainly: bool) -> None:
        health.note_asked(
            provider_id=scene.upstream().pk, answers_plainly=plainly, now=later(seconds=10)
        )


class TestNote:
    def note(self, *answers: AddAnswer, seconds: float = 0) -> Provider:
        provider_id = scene.upstream().pk
        for answer in answers:
            health.note(provider_id=provider_id, answer=answer, now=later(seconds=seconds))
        return Provider.objects.get(pk=provider_id)

    def test_writes_nothing_while_all_is_well(self) -> None:
        scene.upstream()

        with scene.written() as rows:
            provider = self.note(ACCEPTED, no(Fault.NEVER), no(Fault.LINK_BUSY))

        assert set(rows) == {0}
        assert health.is_well(provider)

    def test_breaks_after_three_unclear_answers_in_a_row(self) -> None:
        provider = self.note(UNCLEAR, UNCLEAR)
        assert (provider.paused_until, provider.unclear_in_a_row) == (None, 2)

        provider = self.note(UNCLEAR)

        assert (provider.paused_for, provider.unclear_in_a_row) == ("unclear_answers", 3)
        assert provider.paused_until == later(seconds=10)
        assert not health.is_well(provider)

    def test_breaks_again_at_the_first_unclear_answer_after_the_break(self) -> None:
        self.note(UNCLEAR, UNCLEAR, UNCLEAR)

        provider = self.note(UNCLEAR, seconds=10)

        assert provider.paused_until == later(seconds=30)

    def test_rests_longer_while_probes_stay_unclear_up_to_a_minute(self) -> None:
        self.note(UNCLEAR, UNCLEAR)
        rests, seconds = [], 0.0
        for _ in range(6):
            until = self.note(UNCLEAR, seconds=seconds).paused_until
            assert until is not None
            rests.append((until - later(seconds=seconds)).total_seconds())
            seconds += rests[-1]

        assert rests == [10, 20, 40, 60, 60, 60]

    def test_takes_nothing_from_calls_that_had_set_out_before_it_broke(self) -> None:
        before = self.note(UNCLEAR, UNCLEAR, UNCLEAR)

        after = self.note(UNCLEAR, UNCLEAR, seconds=4)

        assert after.paused_until == before.paused_until
        assert after.unclear_in_a_row == 3

    @pytest.mark.parametrize("answer", [ACCEPTED, no(Fault.NEVER), no(Fault.OTHER)])
    def test_begins_to_count_anew_after_a_clear_answer(self, answer: AddAnswer) -> None:
        provider = self.note(UNCLEAR, UNCLEAR, answer)
        assert provider.unclear_in_a_row == 0

        assert self.note(UNCLEAR, UNCLEAR).paused_until is None

    def test_ends_a_pause_with_a_good_answer(self) -> None:
        provider = self.note(UNCLEAR, UNCLEAR, UNCLEAR, ACCEPTED)

        assert (provider.paused_for, provider.paused_until) == ("", None)

    @pytest.mark.parametrize("fault", [Fault.NO_FUNDS, Fault.BAD_KEY])
    def test_pauses_for_what_needs_the_owner(self, fault: Fault) -> None:
        provider = self.note(UNCLEAR, no(fault))

        assert (provider.paused_for, provider.paused_until) == (fault.value, later(minutes=5))
        assert provider.unclear_in_a_row == 0

    def test_keeps_the_pause_for_money_whatever_else_is_refused(self) -> None:
        provider = self.note(no(Fault.NO_FUNDS), no(Fault.LINK_BUSY), no(Fault.NEVER))

        assert (provider.paused_for, provider.paused_until) == ("no_funds", later(minutes=5))

    def test_rests_a_moment_without_a_connection(self) -> None:
        provider = self.note(UNCLEAR, NOT_SENT)

        assert (provider.paused_for, provider.paused_until) == (
            "no_connection",
            later(seconds=2),
        )
        assert provider.unclear_in_a_row == 1

    @pytest.mark.parametrize("before", [(UNCLEAR,) * 3, (no(Fault.NO_FUNDS),)])
    def test_cuts_no_longer_pause_short_for_a_lost_connection(
        self, before: tuple[AddAnswer, ...]
    ) -> None:
        paused = self.note(*before)

        provider = self.note(NOT_SENT)

        assert provider.paused_until == paused.paused_until
        assert provider.paused_for == paused.paused_for

    def test_is_kept_for_each_provider_apart(self) -> None:
        elsewhere = cast.provider(name="elsewhere")

        self.note(UNCLEAR, UNCLEAR, UNCLEAR)

        elsewhere.refresh_from_db()
        assert (elsewhere.paused_until, elsewhere.unclear_in_a_row) == (None, 0)
