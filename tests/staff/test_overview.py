from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel import clock, money
from relaypanel.accounts.models import Section
from relaypanel.accounts.rights import Level
from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider
from relaypanel.reports import days, proof
from relaypanel.reports.models import Day
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


@pytest.fixture
def _sold() -> None:
    order = scene.order(Status.COMPLETED, cost_e8=money.parse("0.25"))
    Order.objects.filter(pk=order.pk).update(placed_at=clock.now())
    Provider.objects.update(balance_e8=money.parse("77.5"), currency="EUR")
    days.look(now=clock.now())


@pytest.mark.usefixtures("_sold")
class TestPage:
    @pytest.mark.parametrize("query", ["", "?days=1", "?days=90", "?days=x"])
    def test_shows_what_was_sold_and_earned(self, client: Client, query: str) -> None:
        page = client.get(f"/staff/overview{query}").content.decode()

        assert "$0.75" in page
        assert "€77.50" in page
        assert "alice" in page
        assert "has not proved" in page

    def test_tells_of_each_day_what_it_cost_and_left(self, client: Client) -> None:
        page = client.get("/staff/overview?days=7").content.decode()

        assert "chart-against" in page
        assert "Sales: $1.00\nCost: $0.25\nMargin: $0.75" in page
        assert "75% of sales" in page

    def test_says_so_where_nothing_was_sold(self, client: Client) -> None:
        Day.objects.all().delete()

        page = client.get("/staff/overview?days=7").content.decode()

        assert "Nothing was sold in these days" in page
        assert "of sales" not in page
        assert "chart-against" not in page

    def test_shows_no_money_to_whom_it_is_closed(self) -> None:
        client = people.staff(levels={Section.OVERVIEW: Level.VIEW})

        page = client.get("/staff/overview").content.decode()

        assert "$" not in page
        assert "€" not in page
        assert "Margin" not in page
        assert "alice" not in page

    def test_tells_whether_the_books_agree(self, client: Client) -> None:
        proof.prove(now=clock.now())
        assert "All agree" in client.get("/staff/overview").content.decode()

        Order.objects.update(charge_e8=money.parse("2"))
        proof.prove(now=clock.now())

        assert "Something differed" in client.get("/staff/overview").content.decode()

    def test_asks_the_database_as_often_for_a_quarter_as_for_a_day(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        client.get("/staff/overview")

        with django_assert_max_num_queries(14):
            client.get("/staff/overview?days=90")
