from __future__ import annotations

from datetime import UTC, datetime

import pytest

from relaypanel.ledger.journal import Wanted
from relaypanel.ledger.models import Code
from relaypanel.look.movements import ICONS, KINDS, FilterForm


class TestKinds:
    def test_have_words_and_a_picture_for_every_code(self) -> None:
        assert KINDS.keys() == ICONS.keys() == set(Code)


class TestFilterForm:
    def test_reads_what_is_wanted(self) -> None:
        form = FilterForm({"kind": "bonus", "since": "2026-11-01", "until": "2026-11-02"})

        assert form.wanted(user_id=7, order_id=3) == Wanted(
            code=Code.BONUS,
            user_id=7,
            order_id=3,
            since=datetime(2026, 11, 1, tzinfo=UTC),
            until=datetime(2026, 11, 3, tzinfo=UTC),
        )

    @pytest.mark.parametrize("told", [{}, {"kind": "odd"}, {"since": "x", "until": "9999-12-31"}])
    def test_leaves_nothing_out_for_what_it_cannot_read(self, told: dict[str, str]) -> None:
        assert FilterForm(told).wanted(user_id=None) == Wanted()
