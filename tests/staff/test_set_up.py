from __future__ import annotations

import pytest

from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


class TestPage:
    def test_leads_to_what_is_not_done(self) -> None:
        client = people.owner()
        assert "/staff/providers/add" in client.get("/staff/first-steps").content.decode()

        provider = cast.provider()
        page = client.get("/staff/first-steps").content.decode()

        assert "/staff/providers/add" not in page
        assert f"/staff/providers/{provider.pk}/price-list" in page
        assert f"/staff/providers/{provider.pk}/import" in page
        assert "1 of 6 are done" in page
