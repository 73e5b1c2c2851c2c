from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.accounts.models import AuditEntry
from relaypanel.catalogue import listing, shelves
from relaypanel.catalogue.models import Category, Platform
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


def acts() -> list[str]:
    kinds = ("platform", "category", "shop")
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

    def test_tells_the_log_what_changed_and_nothing_else(self, client: Client) -> None:
        shelf = shelves.add_platform("One")
        shelves.add_platform("Two")
        path = f"/staff/categories/platform/{shelf.pk}"

        client.post(path, {"act": "down", "name": "One"})
        client.post(path, {"act": "rename", "name": "Three"})
        client.post(path, {"act": "remove"})

        told = AuditEntry.objects.filter(subject_kind="platform").order_by("pk")
        assert list(told.values_list("before", "after")) == [
            ({"position": 1}, {"position": 2}),
            ({"name": "One"}, {"name": "Three"}),
            ({"name": "Three", "position": 2}, {}),
        ]

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


class TestServices:
    def test_shows_those_of_the_category_in_the_shops_order(self, client: Client) -> None:
        first, second = cast.service(), cast.service()
        shelves.arrange(first.category, [second.pk, first.pk])

        page = client.get(f"/staff/categories/{first.category.pk}/services").content.decode()

        assert page.index(f'value="{second.pk}"') < page.index(f'value="{first.pk}"')

    def test_of_no_category_is_absent(self, client: Client) -> None:
        assert client.get("/staff/categories/99/services").status_code == 404


class TestArrange:
    def test_puts_services_into_the_order_of_the_shop(self, client: Client) -> None:
        services = [cast.service() for _ in range(3)]
        category = services[0].category
        wanted = [services[2].pk, services[0].pk, services[1].pk]

        reply = client.post(f"/staff/categories/category/{category.pk}/order", {"id": wanted})

        assert reply["Location"] == f"/staff/categories/{category.pk}/services"
        assert [one.pk for one in shelves.services(category)] == wanted
        assert [row["service"] for row in listing.rows(cast.alice().user.pk)] == wanted
        assert acts() == ["shelf.arrange"]

    def test_puts_platforms_and_categories_in_order(self, client: Client) -> None:
        one, two = shelves.add_platform("One"), shelves.add_platform("Two")
        likes, views = (
            shelves.add_category(platform_id=one.pk, name=name) for name in ("Likes", "Views")
        )

        client.post("/staff/categories/order", {"id": [two.pk, one.pk]})
        reply = client.post(
            f"/staff/categories/platform/{one.pk}/order",
            {"id": [views.pk, likes.pk]},
            headers={"HX-Request": "true"},
        )

        assert reply.status_code == 204
        assert list(shelves.platforms()) == [two, one]
        assert list(shelves.categories()) == [views, likes]

    @pytest.mark.parametrize(
        ("button", "which", "order"), [("up", 2, "021"), ("down", 0, "102"), ("up", 0, "012")]
    )
    def test_moves_one_by_a_button_where_there_is_no_script(
        self, client: Client, button: str, which: int, order: str
    ) -> None:
        services = [cast.service() for _ in range(3)]
        ids = [one.pk for one in services]
        category = services[0].category

        path = f"/staff/categories/category/{category.pk}/order"
        client.post(path, {"id": ids, button: ids[which]})

        assert [one.pk for one in shelves.services(category)] == [ids[int(n)] for n in order]

    def test_says_that_somebody_added_one_meanwhile(self, client: Client) -> None:
        services = [cast.service() for _ in range(3)]
        category = services[0].category
        ids = [one.pk for one in services]
        path = f"/staff/categories/category/{category.pk}/order"

        for sent in ([ids[1], ids[2]], [*ids, 99], [ids[0], ids[0], ids[1]]):
            reply = client.post(path, {"id": sent}, follow=True)
            assert "Something came or went meanwhile" in reply.content.decode()
            told = client.post(path, {"id": sent}, headers={"HX-Request": "true"})
            assert told["HX-Refresh"] == "true"
        assert [one.pk for one in shelves.services(category)] == ids
        assert acts() == []

    @pytest.mark.parametrize("text", ["x", "²", "9" * 30])
    def test_of_no_numbers_is_absent(self, client: Client, text: str) -> None:
        assert client.post("/staff/categories/order", {"id": [text]}).status_code == 404
