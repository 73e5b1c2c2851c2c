from __future__ import annotations

import pytest

from relaypanel.orders import refills
from relaypanel.orders.models import Refill, RefillState
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db


def refill(state: RefillState = RefillState.PENDING) -> Refill:
    ended = None if state == RefillState.PENDING else NOW
    order = scene.order()
    return Refill.objects.create(
        order=order, user_id=order.user_id, asked_at=NOW, due_at=NOW, state=state, ended_at=ended
    )


class TestPage:
    def test_shows_the_latest_first_page_by_page(self) -> None:
        made = [refill() for _ in range(3)]
        user_id = scene.alice().pk

        first = refills.page(user_id=user_id, size=2)
        second = refills.page(user_id=user_id, size=2, after=first.after)

        assert [*first.refills, *second.refills] == made[::-1]
        assert second.after is None

    def test_shows_those_that_run_or_have_ended(self) -> None:
        running, ended = refill(), refill(RefillState.REJECTED)
        user_id = scene.alice().pk

        assert list(refills.page(user_id=user_id, is_open=True).refills) == [running]
        assert list(refills.page(user_id=user_id, is_open=False).refills) == [ended]

    def test_shows_nobody_elses(self) -> None:
        refill()

        assert refills.page(user_id=cast.bob().user.pk).refills == []


class TestRunning:
    def test_counts_those_that_have_not_ended(self) -> None:
        refill()
        refill(RefillState.COMPLETED)

        assert refills.running(scene.alice().pk) == 1
