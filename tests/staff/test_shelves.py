from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.accounts.models import AuditEntry
from relaypanel.catalogue import shelves
from relaypanel.catalogue.models import Category, Platform
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


def acts() -> list[str]:
    kinds = ("platform", "category")
    rows = AuditEntry.objects.filter(subject_kind__in=kinds).order_by("pk")
    return list(rows.values_list("act", flat=True))


class TestPage:
    def test_shows_platforms_with_their_categories(self, client: Client) -> None:
        service = cast.service()

        page = client.get("/staff/categories").content.decode()

        assert service.category.name in page
        assert service.category.platform.name in page


class TestAdd:
    def test_makes_a_platform_and_a_category_in_it(self, client: Client) -> None:
        client.post("/staff/categories/add", {"name": "Meta"})
        platform = Platform.objects.get()
        client.post("/staff/categories/add", {"name": "Likes", "platform": platform.pk})

        assert Category.objects.get().platform == platform
        assert acts() == ["platform.add", "category.add"]

    @pytest.mark.parametrize("name", ["", "Meta", "x" * 201])
    def test_says_why_not(self, client: Client, name: str) -> None:
        shelves.add_platform("Meta")

        reply = client.post("/staff/categories/add", {"name": name}, follow=True)

        assert "message-error" in reply.content.decode()
        assert Platform.objects.count() == 1
        assert acts() == []

    @pytest.mark.parametrize("platform", ["x", "²", "9" * 30])
    def test_of_no_platform_is_absent(self, client: Client, platform: str) -> None:
        reply = client.post("/staff/categories/add", {"name": "a", "platform": platform})

        assert reply.status_code == 404


class TestAct:
    def test_renames_moves_and_removes(self, client: Client) -> None:
        first, second = shelves.add_platform("One"), shelves.add_platform("Two")
        path = f"/staff/categories/platform/{second.pk}"

        client.post(path, {"act": "up"})
        assert list(shelves.platforms()) == [second, first]

        client.post(path, {"act": "down"})
        client.post(path, {"act": "rename", "name": "Three"})
        second.refresh_from_db()
        assert second.name == "Three"

        client.post(path, {"act": "remove"})
        assert list(Platform.objects.all()) == [first]
        assert acts() == ["platform.up", "platform.down", "platform.rename", "platform.remove"]

    def test_leaves_what_is_in_use(self, client: Client) -> None:
        category = cast.service().category

        reply = client.post(
            f"/staff/categories/category/{category.pk}", {"act": "remove"}, follow=True
        )

        assert "It still holds something" in reply.content.decode()

    @pytest.mark.parametrize(
        ("path", "act"), [("platform/99", "up"), ("shop/1", "up"), ("platform/1", "explode")]
    )
    def test_on_nothing_is_absent(self, client: Client, path: str, act: str) -> None:
        platform = shelves.add_platform("One")
        path = path.replace("platform/1", f"platform/{platform.pk}")

        assert client.post(f"/staff/categories/{path}", {"act": act}).status_code == 404
