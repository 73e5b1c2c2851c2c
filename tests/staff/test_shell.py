from __future__ import annotations

import pytest

from relaypanel.accounts.models import Section
from relaypanel.accounts.rights import Level
from relaypanel.staff import shell
from tests.staff import people

pytestmark = pytest.mark.django_db


class TestNavigation:
    def test_shows_only_the_ways_that_are_open(self) -> None:
        everything = people.owner().get("/staff/audit-log").context["desk"]
        little = (
            people.staff(levels={Section.AUDIT_LOG: Level.VIEW})
            .get("/staff/audit-log")
            .context["desk"]
        )

        ways = [way for _, group in shell.WAYS for way in group]
        assert len([link for group in everything.groups for link in group.links]) == len(ways)
        assert [link.href for group in little.groups for link in group.links] == [
            "/staff/audit-log"
        ]
        assert little.may_view == {one.value: one is Section.AUDIT_LOG for one in Section}
        assert not any(little.may_edit.values())
