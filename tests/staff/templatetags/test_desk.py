from __future__ import annotations

from relaypanel.orders.models import Status
from relaypanel.staff.templatetags import desk


class TestStatePill:
    def test_tells_all_states_apart(self) -> None:
        pills = {desk.state_pill(status) for status in Status}

        assert desk.STATES.keys() == set(Status.values)
        assert len(pills) == len(Status)


class TestReason:
    def test_reads_as_words(self) -> None:
        assert desk.reason("refused_upstream") == "refused upstream"
