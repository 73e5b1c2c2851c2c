from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.orders import send
from relaypanel.orders.models import Order, Status
from relaypanel.providers import answers
from tests import cast
from tests.orders import lost, scene
from tests.orders.test_send import begin
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


def ids(client: Client, query: str = "") -> list[int]:
    return [order.pk for order, _ in client.get(f"/staff/orders?{query}").context["orders"]]


def act(client: Client, name: str, *orders: Order, **fields: str) -> str:
    """Return the messages that the next page shows."""
    told = {"act": name, "order": [order.pk for order in orders]} | fields
    reply = client.post("/staff/orders/act", told, follow=True)
    assert reply.status_code == 200
    return " ".join(str(message) for message in reply.context["messages"])


class TestPage:
    def test_shows_every_order_and_filters(self, client: Client) -> None:
        held = scene.order(Status.HELD)
        sent = scene.order(Status.PENDING, link="https://example.com/x")

        assert ids(client) == [sent.pk, held.pk]
        assert ids(client, "status=held") == [held.pk]
        assert ids(client, f"service={sent.service_id}") == [sent.pk]
        assert ids(client, f"provider={sent.provider_id}&mode=provider") == [sent.pk, held.pk]
        assert ids(client, "mode=hand") == []
        assert ids(client, "customer=ALICE") == [sent.pk, held.pk]
        assert ids(client, "customer=nobody") == []
        assert ids(client, "link=https://example.com/x") == [sent.pk]
        assert ids(client, f"upstream={sent.upstream_id}") == [sent.pk]
        assert ids(client, "since=2026-11-24&until=2026-11-24") == [sent.pk, held.pk]
        assert ids(client, "until=2026-11-23") == []
        assert ids(client, f"before={sent.pk}") == [held.pk]

    @pytest.mark.parametrize(
        "query", ["status=nothing", "service=x", "service=-1", "provider=99", "since=never"]
    )
    def test_finds_nothing_by_what_cannot_be(self, client: Client, query: str) -> None:
        scene.order()

        assert ids(client, query) == []

    def test_asks_the_database_as_often_for_many_as_for_one(
        self, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        scene.order()
        client.get("/staff/orders")
        for _ in range(5):
            scene.order(Status.PENDING, cost_e8=5)

        with django_assert_max_num_queries(14):
            client.get("/staff/orders")

    def test_shows_no_money_to_whom_it_is_closed(self) -> None:
        scene.order(Status.PENDING, cost_e8=50)
        client = people.staff(levels={Section.ORDERS: Level.EDIT})

        for path in ("/staff/orders", f"/staff/orders/{Order.objects.get().pk}"):
            page = client.get(path).content.decode()
            assert "$" not in page
            assert "Margin" not in page


class TestFind:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("812", "/staff/orders/812"),
            (" https://x.example/p ", "/staff/orders?link=https%3A%2F%2Fx.example%2Fp"),
            ("alice", "/staff/orders?customer=alice"),
            ("9" * 40, f"/staff/orders?customer={'9' * 40}"),
        ],
    )
    def test_leads_to_what_was_meant(self, client: Client, text: str, address: str) -> None:
        assert client.get("/staff/orders/find", {"q": text})["Location"] == address


class TestOne:
    def test_shows_what_happened_with_what_the_provider_said(self, client: Client) -> None:
        order = lost.lost(0)

        page = client.get(f"/staff/orders/{order.pk}").content.decode()

        assert "upstream" in page
        assert "unclear" in page
        assert order.link in page

    def test_is_absent_where_there_is_none(self, client: Client) -> None:
        assert client.get("/staff/orders/987").status_code == 404
        assert client.get(f"/staff/orders/{10**30}").status_code == 404

    def test_shows_runs_requests_and_acts(self, client: Client) -> None:
        parent = scene.drip_feed()
        [run] = scene.make_runs(parent, 1)
        scene.asked(parent)
        act(client, "complete", run)

        page = client.get(f"/staff/orders/{parent.pk}").content.decode()
        of_run = client.get(f"/staff/orders/{run.pk}").content.decode()

        assert f"/staff/orders/{run.pk}" in page
        assert "asked" in page
        assert "order.completed" in of_run
        assert f"/staff/orders/{parent.pk}" in of_run


class TestAct:
    def test_moves_those_that_are_ticked(self, client: Client) -> None:
        orders = [scene.order(Status.PENDING), scene.order(Status.PENDING)]

        said = act(client, "partial", *orders, remains="250")

        assert said == "2 orders are done."
        assert {scene.again(order).status for order in orders} == {Status.PARTIAL}
        assert scene.balance() == "998.5"
        assert scene.books_agree()
        entry = AuditEntry.objects.filter(act="order.partial").latest("pk")
        assert entry.address == "127.0.0.1"
        assert entry.user is not None
        assert entry.user.username == "dora"

    def test_says_why_of_those_that_stay(self, client: Client) -> None:
        order = scene.order(Status.CANCELED)

        assert act(client, "complete", order).startswith(f"Order {order.pk}: It cannot go there")

    @pytest.mark.parametrize(
        ("name", "fields", "words"),
        [
            ("nothing", {"order": "1"}, "Choose what to do"),
            ("complete", {}, "Tick the orders"),
            ("complete", {"order": "x"}, "Tick the orders"),
            ("partial", {"order": "1", "remains": "-1"}, "Say how many"),
            ("complete", {"order": [str(n) for n in range(501)]}, "too many"),
        ],
    )
    def test_says_what_is_missing(
        self, client: Client, name: str, fields: dict[str, str], words: str
    ) -> None:
        assert words in act(client, name, **fields)

    def test_comes_back_to_where_it_was(self, client: Client) -> None:
        order = scene.order(Status.PENDING)

        of_list = client.post("/staff/orders/act", {"query": "status=held"})
        of_one = client.post("/staff/orders/act", {"from": order.pk, "order": order.pk})

        of_line_break = client.post("/staff/orders/act", {"query": "a\r\nSet-Cookie: b=c"})

        assert of_list["Location"] == "/staff/orders?status=held"
        assert of_line_break["Location"] == "/staff/orders?a%0D%0ASet-Cookie:%20b=c"
        assert of_one["Location"] == f"/staff/orders/{order.pk}"


class TestChangeLink:
    def test_lets_a_waiting_order_go_elsewhere(self, client: Client) -> None:
        order = scene.order(waits_for_link=True)

        client.post(f"/staff/orders/{order.pk}/link", {"link": "https://example.com/new"})

        order = scene.again(order)
        assert (order.link, order.waits_for_link) == ("https://example.com/new", False)
        entry = AuditEntry.objects.get(act="order.change_link")
        assert (entry.before["link"], entry.after["link"]) == (scene.LINK, order.link)

    def test_says_what_is_wrong_beside_the_field(self, client: Client) -> None:
        order = scene.order()

        page = client.post(f"/staff/orders/{order.pk}/link", {"link": "no link"})

        assert "This is not a link" in page.content.decode()
        assert scene.again(order).link == scene.LINK

    @pytest.mark.parametrize(
        ("status", "columns"), [(Status.PENDING, {}), (Status.QUEUED, {"may_be_upstream": True})]
    )
    def test_is_refused_once_a_provider_may_have_it(
        self, client: Client, status: Status, columns: dict[str, bool]
    ) -> None:
        order = scene.order(status, **columns)

        client.post(f"/staff/orders/{order.pk}/link", {"link": "https://example.com/new"})

        assert scene.again(order).link == scene.LINK
        assert client.post("/staff/orders/987/link", {"link": "x"}).status_code == 404

    def test_of_an_order_by_hand(self, client: Client) -> None:
        order = scene.placed(cast.service(rate="1"))

        client.post(f"/staff/orders/{order.pk}/link", {"link": "https://example.com/new"})

        assert scene.again(order).link == "https://example.com/new"


class TestExchange:
    def test_is_shown_to_those_who_may_see_providers_and_money(self, client: Client) -> None:
        order = scene.placed(scene.relayed())
        told = answers.Exchange(sent={"service": "77"}, status=418, reply="<b>teapot</b>")
        [parcel] = begin()
        send.settle(parcel=parcel, answer=answers.Unclear(reason="?", exchange=told), now=scene.NOW)
        path = f"/staff/orders/{order.pk}"

        page = client.get(path).content.decode()

        assert "HTTP 418" in page
        assert "&lt;b&gt;teapot&lt;/b&gt;" in page
        for closed in (Section.PROVIDERS, Section.MONEY):
            levels = {one: Level.EDIT for one in Section if one is not closed}
            assert "teapot" not in people.staff(closed, levels).get(path).content.decode()

    def test_of_an_order_that_was_taken_is_what_was_sent(self, client: Client) -> None:
        order = scene.placed(scene.relayed())
        [parcel] = begin()
        send.settle(parcel=parcel, answer=answers.Accepted(upstream_id="9001"), now=scene.NOW)

        page = client.get(f"/staff/orders/{order.pk}").content.decode()

        assert "Taken under the ID 9001" in page
        assert "quantity=1000" in page
