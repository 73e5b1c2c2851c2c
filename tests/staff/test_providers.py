from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel import clock
from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.catalogue import terms
from relaypanel.orders.models import Status
from relaypanel.providers import logbook, registry
from relaypanel.providers.models import Provider
from tests import cast
from tests.management.upstream import Upstream
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef0123456789abcdef"
SETTINGS = {
    "name": "renamed",
    "url": "https://other.example/api/v2",
    "deadline_ms": "5000",
    "concurrency": "4",
    "status_batch": "50",
    "poll_seconds": "10",
    "brackets_ids": "on",
}


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


def acts() -> list[str]:
    rows = AuditEntry.objects.filter(subject_kind="provider").order_by("pk")
    return list(rows.values_list("act", flat=True))


def post(client: Client, provider: Provider, act: str, **fields: str) -> str:
    reply = client.post(f"/staff/providers/{provider.pk}/{act}", fields, follow=True)
    assert reply.status_code == 200
    return reply.content.decode()


class TestList:
    def test_shows_how_each_does(self, client: Client) -> None:
        order = scene.order(Status.HELD)
        Provider.objects.update(paused_for="no_funds", balance_e8=1_50_000_000)

        page = client.get("/staff/providers").content.decode()

        assert "No money left there" in page
        assert "$1.50" in page
        assert f"/staff/providers/{order.provider_id}" in page

    def test_takes_as_many_queries_for_many(self, client: Client) -> None:
        cast.provider()
        client.get("/staff/providers")
        with CaptureQueriesContext(connection) as for_one:
            client.get("/staff/providers")
        for number in range(20):
            cast.provider(name=f"panel {number}")

        with CaptureQueriesContext(connection) as for_many:
            client.get("/staff/providers")

        assert len(for_many) == len(for_one)

    def test_shows_no_money_to_who_may_not_see_it(self) -> None:
        scene.order()
        Provider.objects.update(balance_e8=1_50_000_000)
        client = people.staff(levels={Section.PROVIDERS: Level.EDIT})

        for path in ("/staff/providers", f"/staff/providers/{Provider.objects.get().pk}"):
            assert "$" not in client.get(path).content.decode()


@pytest.mark.sockets
class TestAdd:
    def test_calls_it_first_and_then_knows_what_it_sells(
        self, client: Client, upstream: Upstream
    ) -> None:
        form = {"name": "first", "url": upstream.url, "key": KEY, "currency": "USD"}

        reply = client.post("/staff/providers/add", form, follow=True)

        provider = Provider.objects.get()
        assert reply.redirect_chain == [(f"/staff/providers/{provider.pk}/import", 302)]
        assert registry.endpoint(provider).key == KEY
        assert [row.name for row in provider.services.all()] == ["Likes 👍"]
        assert provider.balance_e8 == 10_084_292_000
        assert acts() == ["provider.add"]
        assert KEY not in str(AuditEntry.objects.filter(act="provider.add").values())
        assert KEY not in reply.content.decode()

    def test_adds_nothing_that_does_not_answer(self, client: Client, upstream: Upstream) -> None:
        upstream.replies["balance"] = b'{"error":"Invalid API key"}'
        form = {"name": "first", "url": upstream.url, "key": KEY, "currency": "USD"}

        page = client.post("/staff/providers/add", form).content.decode()

        assert "The provider did not do it" in page
        assert KEY not in page
        assert not Provider.objects.exists()
        assert acts() == []

    @pytest.mark.parametrize(
        ("field", "value"), [("url", "ftp://panel.example"), ("key", "a b"), ("name", "")]
    )
    def test_says_what_is_wrong_beside_the_field(
        self, client: Client, upstream: Upstream, field: str, value: str
    ) -> None:
        form = {"name": "first", "url": upstream.url, "key": KEY, "currency": "USD"}

        reply = client.post("/staff/providers/add", form | {field: value})

        assert list(reply.context["form"].errors) == [field]
        assert not Provider.objects.exists()

    def test_needs_a_known_price_of_another_currency_before_it_sells(
        self, client: Client, upstream: Upstream
    ) -> None:
        upstream.replies["balance"] = b'{"balance":"5","currency":"VND"}'
        form = {"name": "first", "url": upstream.url, "key": KEY, "currency": "VND"}

        client.post("/staff/providers/add", form)

        assert Provider.objects.get().services.count() == 1


class TestDetail:
    def test_shows_what_it_did_not_do(self, client: Client) -> None:
        provider = cast.provider()
        logbook.note_trouble(
            provider_id=provider.pk, duty="poll", words="HTTP <503>", now=clock.now()
        )

        page = client.get(f"/staff/providers/{provider.pk}").content.decode()

        assert "HTTP &lt;503&gt;" in page

    def test_never_shows_the_key(self, client: Client) -> None:
        provider = cast.provider()

        assert "its-key" not in client.get(f"/staff/providers/{provider.pk}").content.decode()

    @pytest.mark.parametrize("number", [987_654_321, 2**64])
    def test_of_none_is_absent(self, client: Client, number: int) -> None:
        assert client.get(f"/staff/providers/{number}").status_code == 404


class TestActs:
    def test_change_its_settings(self, client: Client) -> None:
        provider = cast.provider()

        post(client, provider, "change", **SETTINGS)

        provider.refresh_from_db()
        assert (provider.name, provider.url) == ("renamed", "https://other.example/api/v2")
        assert (provider.concurrency, provider.brackets_ids) == (4, True)
        entry = AuditEntry.objects.get(act="provider.change")
        assert (entry.before["name"], entry.after["name"]) == ("upstream", "renamed")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("concurrency", "0"), ("deadline_ms", "49"), ("url", "panel.example"), ("name", "other")],
    )
    def test_refuse_what_cannot_be(self, client: Client, field: str, value: str) -> None:
        provider = cast.provider()
        cast.provider(name="other")

        page = post(client, provider, "change", **SETTINGS | {field: value})

        assert "field-error" in page or "note wrong" in page
        provider.refresh_from_db()
        assert provider.name == "upstream"
        assert acts() == []

    def test_give_it_another_key_and_call_it_again(self, client: Client) -> None:
        provider = cast.provider(paused_for="bad_key")

        post(client, provider, "key", key=KEY)

        provider.refresh_from_db()
        assert registry.endpoint(provider).key == KEY
        assert provider.paused_for == ""
        assert acts() == ["provider.set_key"]

    def test_refuse_what_is_no_key(self, client: Client) -> None:
        provider = cast.provider()

        assert "field-error" in post(client, provider, "key", key="a b")
        assert registry.endpoint(provider).key == "its-key"

    def test_stop_it_and_start_it(self, client: Client) -> None:
        provider = cast.provider()

        post(client, provider, "pause")
        provider.refresh_from_db()
        assert not provider.enabled

        post(client, provider, "resume")
        provider.refresh_from_db()
        assert provider.enabled
        assert acts() == ["provider.pause", "provider.resume"]

    def test_set_how_its_list_is_followed(self, client: Client) -> None:
        provider = cast.provider(currency="VND")
        numbers = {"every_minutes": "5", "spike_percent": "10", "vanish_syncs": "2"}

        post(client, provider, "terms", **numbers, currency_rate="0.00004")

        provider.refresh_from_db()
        assert terms.of(provider).every_minutes == 5
        assert provider.rate_to_panel_e8 == 4_000

    @pytest.mark.parametrize("rate", ["0", "cheap", "-1"])
    def test_refuse_a_currency_that_costs_nothing(self, client: Client, rate: str) -> None:
        provider = cast.provider(currency="VND")
        numbers = {"every_minutes": "5", "spike_percent": "10", "vanish_syncs": "2"}

        page = post(client, provider, "terms", **numbers, currency_rate=rate)

        assert "field-error" in page
        assert terms.of(provider).every_minutes == 30
        assert acts() == []
