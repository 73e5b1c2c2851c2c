from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.catalogue.models import Service, Visibility
from tests import cast
from tests.catalogue.lists import rate, sell
from tests.staff import people

pytestmark = pytest.mark.django_db

SETTINGS = {"name": "New name", "description": "Words", "rate": "3", "refill_after_hours": "24"}


@pytest.fixture
def client() -> Client:
    return people.owner()


def acts() -> list[str]:
    rows = AuditEntry.objects.exclude(act__startswith="user.").order_by("pk")
    return list(rows.exclude(act__startswith="staff_role.").values_list("act", flat=True))


def form(service: Service, **fields: str) -> dict[str, str]:
    return SETTINGS | {"category": str(service.category_id)} | fields


class TestPage:
    def test_finds_services_that_are_not_sold_too(self, client: Client) -> None:
        service = cast.service(name="Cảm xúc", visibility=Visibility.DISABLED)
        cast.service(name="Other")

        found = client.get("/staff/services?q=cam+xuc").context["services"]

        assert [one.pk for one in found] == [service.pk]

    def test_takes_as_many_queries_for_many(self, client: Client) -> None:
        cast.service()
        client.get("/staff/services")
        with CaptureQueriesContext(connection) as for_one:
            client.get("/staff/services")
        for _ in range(30):
            cast.service()

        with CaptureQueriesContext(connection) as for_many:
            client.get("/staff/services")

        assert len(for_many) == len(for_one)

    def test_shows_no_rates_to_who_may_not_see_money(self) -> None:
        client = people.staff(levels={Section.CATALOGUE: Level.VIEW})
        service = cast.service()

        for path in ("/staff/services", f"/staff/services/{service.pk}"):
            assert "$" not in client.get(path).content.decode()


class TestBulk:
    def test_changes_what_is_ticked(self, client: Client) -> None:
        first, second, other = cast.service(rate="1"), cast.service(rate="2"), cast.service()
        told = {"pick": [first.pk, second.pk], "percent": "10", "visibility": "hidden"}

        client.post("/staff/services/bulk", told)

        assert [rate(first), rate(second), rate(other)] == ["1.1", "2.2", "0.9"]
        assert first.visibility == Visibility.HIDDEN
        assert other.visibility == Visibility.ENABLED
        assert acts() == ["catalogue.change_many"]

    def test_changes_prices_by_an_amount(self, client: Client) -> None:
        first, second = cast.service(rate="1"), cast.service(rate="2")
        told = {"pick": [first.pk, second.pk]}

        client.post("/staff/services/bulk", told | {"amount": "0.5"})
        client.post("/staff/services/bulk", told | {"amount": "-0.25"})
        reply = client.post("/staff/services/bulk", told | {"amount": "-1.25"})

        assert "Nothing would be left of the price." in reply.content.decode()
        assert [rate(first), rate(second)] == ["1.25", "2.25"]
        assert acts() == ["catalogue.change_many"] * 2

    def test_changes_all_that_is_found(self, client: Client) -> None:
        wanted, other = cast.service(name="Likes"), cast.service(name="Views")

        client.post("/staff/services/bulk?q=likes", {"all": "yes", "percent": "-50"})

        assert [rate(wanted), rate(other)] == ["0.45", "0.9"]

    def test_changes_nothing_that_would_be_sold_below_its_cost(self, client: Client) -> None:
        (routed,) = sell(cast.provider())

        reply = client.post("/staff/services/bulk", {"pick": routed.pk, "percent": "-50"})

        assert "below its cost" in reply.content.decode()
        assert rate(routed) == "1.2"
        assert acts() == []

    @pytest.mark.parametrize(
        "told",
        [
            {"percent": "5"},
            {"pick": "x", "percent": "5"},
            {"pick": "1", "percent": "-100"},
            {"pick": "1", "percent": "5 %"},
            {"pick": "1", "amount": "0.000001"},
            {"pick": "1", "amount": "1e3"},
            {"pick": "1", "visibility": "paused"},
            {"pick": "1", "category": "99"},
        ],
    )
    def test_refuses_what_cannot_be(self, client: Client, told: dict[str, str]) -> None:
        cast.service()

        reply = client.post("/staff/services/bulk", told)

        assert reply.context["form"].errors
        assert acts() == []


class TestNew:
    def test_makes_what_staff_deliver(self, client: Client) -> None:
        category = cast.service().category
        told = SETTINGS | {"category": category.pk, "type": "Package", "min": "1", "max": "1"}

        reply = client.post("/staff/services/new", told)

        made = Service.objects.latest("pk")
        assert reply["Location"] == f"/staff/services/{made.pk}"
        assert (made.name, rate(made), made.refill_days) == ("New name", "3", None)
        assert acts() == ["catalogue.create"]

    @pytest.mark.parametrize(
        "wrong", [{"min": "5", "max": "4"}, {"rate": "1.000001"}, {"rate": "x"}, {"type": "None"}]
    )
    def test_refuses_what_cannot_be(self, client: Client, wrong: dict[str, str]) -> None:
        category = cast.service().category
        told = SETTINGS | {"category": category.pk, "type": "Default", "min": "1", "max": "9"}

        reply = client.post("/staff/services/new", told | wrong)

        assert reply.context["form"].errors
        assert Service.objects.count() == 1


class TestOne:
    def test_is_changed(self, client: Client) -> None:
        (service,) = sell(cast.provider())

        client.post(f"/staff/services/{service.pk}/change", form(service))

        assert rate(service) == "3"
        assert (service.name, service.rate_locked, service.name_locked) == ("New name", True, True)
        entry = AuditEntry.objects.get(act="catalogue.change")
        assert (entry.before["rate"], entry.after["rate"]) == ("1.2", "3")

    def test_locks_nothing_that_was_not_changed(self, client: Client) -> None:
        (service,) = sell(cast.provider())
        told = form(service, name=service.name, description="Fast", rate="1.2")

        client.post(f"/staff/services/{service.pk}/change", told | {"one_order_per_link": "on"})

        service.refresh_from_db()
        assert service.one_order_per_link
        assert not service.rate_locked
        assert not service.name_locked

    def test_of_staff_has_its_bounds_changed_too(self, client: Client) -> None:
        service = cast.service()
        told = form(service, min="5", max="50", refill_days="30", auto_refill="on")

        client.post(f"/staff/services/{service.pk}/change", told)

        service.refresh_from_db()
        assert (service.min, service.max, service.refill_days) == (5, 50, 30)

    @pytest.mark.parametrize("wrong", [{"rate": "x"}, {"rate": "0.5"}, {"name": ""}])
    def test_is_left_alone_when_something_is_wrong(
        self, client: Client, wrong: dict[str, str]
    ) -> None:
        (service,) = sell(cast.provider())

        reply = client.post(f"/staff/services/{service.pk}/change", form(service, **wrong))

        assert reply.context["form"].errors
        assert rate(service) == "1.2"
        assert acts() == []

    @pytest.mark.parametrize("number", [987_654_321, 2**64])
    def test_is_absent_if_there_is_none(self, client: Client, number: int) -> None:
        assert client.get(f"/staff/services/{number}").status_code == 404


class TestRoutes:
    def test_are_added_put_first_switched_and_removed(self, client: Client) -> None:
        service, provider = cast.service(), cast.provider()
        for upstream_id in ("77", "78"):
            cast.route(cast.service(), provider, upstream_id=upstream_id)
        path = f"/staff/services/{service.pk}/routes"

        for upstream_id in ("77", "78"):
            client.post(path, {"provider": provider.pk, "upstream_id": upstream_id})
        first, second = service.routes.all()
        client.post(f"{path}/{second.pk}", {"act": "first"})
        assert service.routes.first() == second

        client.post(f"{path}/{first.pk}", {"act": "off"})
        first.refresh_from_db()
        assert not first.enabled

        client.post(f"{path}/{first.pk}", {"act": "remove"})
        client.post(f"{path}/{second.pk}", {"act": "remove"})
        assert list(service.routes.all()) == [second]
        assert acts() == ["route.add", "route.add", "route.first", "route.off", "route.remove"]

    def test_have_a_ceiling(self, client: Client) -> None:
        (service,) = sell(cast.provider())
        route = service.routes.get()
        path = f"/staff/services/{service.pk}/routes/{route.pk}"

        client.post(path, {"act": "limit", "cost_max": "0.9"})
        service.refresh_from_db()
        assert service.visibility == Visibility.PAUSED
        assert 'value="0.9"' in client.get(f"/staff/services/{service.pk}").content.decode()

        client.post(path, {"act": "limit", "cost_max": ""})
        service.refresh_from_db()
        assert service.visibility == Visibility.ENABLED

        reply = client.post(path, {"act": "limit", "cost_max": "much"}, follow=True)
        assert "message-error" in reply.content.decode()

    def test_that_do_not_fit_are_refused_beside_the_field(self, client: Client) -> None:
        service, provider = cast.service(), cast.provider()

        reply = client.post(
            f"/staff/services/{service.pk}/routes",
            {"provider": provider.pk, "upstream_id": "77"},
        )

        assert list(reply.context["route_form"].errors) == ["upstream_id"]

    def test_of_another_service_are_absent(self, client: Client) -> None:
        service, other = cast.service(), cast.service()
        cast.route(other, cast.provider())
        route = other.routes.get()

        reply = client.post(f"/staff/services/{service.pk}/routes/{route.pk}", {"act": "off"})

        assert reply.status_code == 404
        path = f"/staff/services/{other.pk}/routes/{route.pk}"
        assert client.post(path, {"act": "explode"}).status_code == 404
