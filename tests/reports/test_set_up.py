from __future__ import annotations

import pytest

from relaypanel.accounts.models import Role
from relaypanel.reports import set_up
from relaypanel.reports.set_up import Step
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db


def done() -> set[Step]:
    return {stage.step for stage in set_up.stages() if stage.is_done}


class TestStages:
    def test_are_all_to_come_on_a_new_panel(self) -> None:
        assert [stage.step for stage in set_up.stages()] == list(Step)
        assert done() == set()

    def test_are_done_one_by_one(self) -> None:
        scene.order()
        assert done() == {Step.PROVIDER, Step.SERVICES, Step.SOLD}

        people.person("dora", Role.OWNER)
        assert Step.SECOND not in done()
        people.person("erin", Role.OWNER)
        assert Step.SECOND in done()
