from __future__ import annotations

import pytest

from relaypanel.accounts.models import Section
from relaypanel.accounts.rights import Level
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


class TestHome:
    def test_leads_to_the_first_page_that_is_open(self) -> None:
        reply = people.staff(levels={Section.AUDIT_LOG: Level.VIEW}).get("/staff")

        assert reply["Location"] == "/staff/audit-log"

    def test_leads_the_owner_of_a_new_panel_to_the_guide(self) -> None:
        client = people.owner()

        assert client.get("/staff")["Location"] == "/staff/first-steps"
        cast.provider()
        assert client.get("/staff")["Location"] == "/staff/overview"

    def test_says_what_to_do_where_nothing_is_open(self) -> None:
        page = people.signed_in(cast.carol().user).get("/staff").content.decode()

        assert "Ask the owner" in page
