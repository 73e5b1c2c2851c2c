from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.catalogue import favourites, staff
from relaypanel.catalogue.models import Discount, Favourite, ServiceSpeed, UserRate, Visibility
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import FRAME_QUERIES, signed_in

HTMX = {"HX-Request": "true"}


def body_of(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
class TestServices:
    def test_show_a_visitor_the_shops_rates(self, client: Client) -> None:
        cast.service(name="Cảm xúc Việt", rate="1.25", refill_days=30)

        body = body_of(client, "/services")

        assert "Cảm xúc Việt" in body
        assert "$1.25" in body
        assert "not enough data yet" in body
        assert "favourite" not in body

    def test_show_users_their_own_rates_and_favourites(self) -> None:
        user = cast.alice().user
        service = cast.service(rate="2")
        Discount.objects.create(user=user, percent_e2=1_000)
        favourites.add(user_id=user.pk, service_id=service.pk)

        body = body_of(signed_in(user), "/services")

        assert "$1.80" in body
        assert 'aria-pressed="true"' in body

    def test_tell_how_long_orders_took(self, client: Client) -> None:
        service = cast.service()
        ServiceSpeed.objects.create(service=service, seconds=7_500, quantity=1_000, orders=9)

        assert "2 h 5 min" in body_of(client, "/services")

    def test_answer_htmx_with_the_part_that_changes(self, client: Client) -> None:
        cast.service(name="Cảm xúc Việt")

        body = body_of(client, "/services?q=cam+xuc", **HTMX)

        assert "Cảm xúc Việt" in body
        assert "<html" not in body
        assert 'id="category"' in body

    def test_answer_the_back_button_with_the_whole_page(self, client: Client) -> None:
        headers = HTMX | {"HX-History-Restore-Request": "true"}

        assert "<html" in body_of(client, "/services?q=a", **headers)
        assert "HX-Request" in client.get("/services").headers["Vary"]

    def test_show_what_a_provider_wrote_as_text(self, client: Client) -> None:
        cast.service(name="<b>x</b>", description="<script>1</script>")

        body = body_of(client, "/services")

        assert "&lt;b&gt;x" in body
        assert "<script>1" not in body

    @pytest.mark.parametrize(
        "query",
        ["q=%00", "platform=x", "category=-1", "type=%00", "after=999999999999999999999", "q=²"],
    )
    def test_take_whatever_stands_in_the_address(self, client: Client, query: str) -> None:
        body_of(client, f"/services?{query}")

    def test_go_on_with_the_next_page(self, client: Client) -> None:
        made = [cast.service(name=f"n{number}n") for number in range(51)]

        first = body_of(client, "/services")
        second = body_of(client, f"/services?after={made[49].pk}")

        assert f"?after={made[49].pk}" in first
        assert "n50n" in second
        assert "n49n" not in second
        assert 'rel="next"' not in second

    def test_cost_the_same_for_any_number_of_services(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = signed_in(cast.alice().user)
        for _ in range(30):
            cast.service()
        client.get("/services")

        with django_assert_num_queries(FRAME_QUERIES + 9):
            client.get("/services?q=fb")


@pytest.mark.django_db
class TestFavourite:
    def test_is_kept_and_dropped_as_the_form_says(self) -> None:
        user, service = cast.alice().user, cast.service()
        client, path = signed_in(user), f"/services/{service.pk}/favourite"

        kept = client.post(path, {"keep": "yes"}, headers=HTMX).content.decode()
        again = client.post(path, {"keep": "yes", "next": "/services?q=a"})

        assert 'aria-pressed="true"' in kept
        assert again.headers["Location"] == "/services?q=a"
        assert Favourite.objects.get().user == user

        client.post(path, {"keep": "no"})

        assert not Favourite.objects.exists()

    def test_leads_to_no_other_site(self) -> None:
        path = f"/services/{cast.service().pk}/favourite"

        response = signed_in(cast.alice().user).post(path, {"next": "https://evil.example"})

        assert response.headers["Location"] == "/services"

    def test_of_a_hidden_service_answers_like_an_absent_one(self) -> None:
        hidden = cast.service(visibility=Visibility.HIDDEN)
        client = signed_in(cast.alice().user)

        answers = [
            client.post(f"/services/{pk}/favourite", {"keep": "yes"}) for pk in (hidden.pk, 10**30)
        ]

        assert [answer.status_code for answer in answers] == [404, 404]

    def test_needs_a_user(self, client: Client) -> None:
        path = f"/services/{cast.service().pk}/favourite"

        assert client.post(path, {"keep": "yes"}).headers["Location"].startswith("/account/login/")


@pytest.mark.django_db
class TestUpdates:
    def test_tell_at_the_users_own_rates_what_changed(self) -> None:
        user = cast.alice().user
        service = cast.service(rate="2")
        staff.change(service_id=service.pk, now=NOW, rate_e8=money.parse("3"))
        Discount.objects.create(user=user, percent_e2=1_000)

        body = body_of(signed_in(user), "/updates")

        assert "$1.80" in body
        assert "$2.70" in body
        assert "Dearer" in body

    def test_say_nothing_of_a_change_to_whom_a_rate_was_promised(self) -> None:
        user = cast.alice().user
        service = cast.service(rate="2")
        UserRate.objects.create(user=user, service=service, rate_e8=money.parse("1.5"))
        staff.change(service_id=service.pk, now=NOW, rate_e8=money.parse("3"))

        body = body_of(signed_in(user), "/updates")

        assert "$1.50" in body
        assert "<s " not in body

    def test_are_told_by_kind(self, client: Client) -> None:
        service = cast.service(rate="2", name="Cảm xúc")
        staff.change(service_id=service.pk, now=NOW, rate_e8=money.parse("3"))

        assert "Cảm xúc" in body_of(client, "/updates?kind=up")
        assert "Cảm xúc" not in body_of(client, "/updates?kind=down")
        assert "Cảm xúc" in body_of(client, "/updates?kind=%00&before=x")

    def test_cost_the_same_for_any_number(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        client = signed_in(cast.alice().user)
        for _ in range(10):
            service = cast.service(rate="2")
            staff.change(service_id=service.pk, now=NOW, rate_e8=money.parse("3"))
        client.get("/updates")

        with django_assert_num_queries(FRAME_QUERIES + 3):
            client.get("/updates")
