from __future__ import annotations

from datetime import timedelta

from django.utils import translation

from relaypanel import clock
from relaypanel.ledger.models import Code
from relaypanel.orders.models import Status
from relaypanel.providers.models import Provider
from relaypanel.staff.templatetags import desk


class TestStatePill:
    def test_tells_all_states_apart(self) -> None:
        pills = {desk.state_pill(status) for status in Status}

        assert desk.STATES.keys() == set(Status.values)
        assert len(pills) == len(Status)


class TestReason:
    def test_reads_as_words(self) -> None:
        assert desk.reason("refused_upstream") == "the provider refused it"

    def test_reads_as_it_is_where_it_has_no_words(self) -> None:
        assert desk.reason("some_thing_else") == "some thing else"

    def test_reads_in_the_language_of_the_reader(self) -> None:
        with translation.override("vi"):
            assert desk.reason("refused_upstream") == "nhà cung cấp từ chối"


class TestProviderPill:
    def test_tells_how_it_does(self) -> None:
        soon = clock.now() + timedelta(hours=1)

        assert "Well" in desk.provider_pill(Provider())
        assert "Off" in desk.provider_pill(Provider(enabled=False))
        assert "out of funds" in desk.provider_pill(Provider(paused_for="out_of_funds"))
        assert "Resting" in desk.provider_pill(Provider(paused_until=soon))


class TestPercent:
    def test_reads_as_it_is_typed(self) -> None:
        assert [desk.percent_e2(n) for n in (850, 1000, 1, 0)] == ["8.5%", "10%", "0.01%", "0%"]


class TestMovement:
    def test_reads_as_words(self) -> None:
        assert desk.movement(Code.DEPOSIT) == "Top-up"
