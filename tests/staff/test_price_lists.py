from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel import clock
from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.catalogue.models import Category, Markup, Platform, Quarantine, Service, Visibility
from relaypanel.providers import refresh, registry
from relaypanel.providers.models import Provider
from tests import cast
from tests.catalogue.lists import LIKES, listing, rate, sell, sync
from tests.management.upstream import Upstream
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


def acts() -> list[str]:
    rows = AuditEntry.objects.filter(act__startswith="catalogue.").order_by("pk")
    return list(rows.values_list("act", flat=True))


def listed(count: int = 3, name: str = "upstream", **fields: Any) -> Provider:
    """Return a provider whose fresh list has so many services."""
    provider = cast.provider(name=name)
    rows = [listing(str(n), name=f"Thích {n}", **fields) for n in range(1, count + 1)]
    refresh.record(provider_id=provider.pk, listings=rows, now=clock.now())
    return provider


def path(provider: Provider, rest: str) -> str:
    return f"/staff/providers/{provider.pk}/{rest}"


def waiting() -> Quarantine:
    """Return a spike that waits for a word."""
    provider = cast.provider()
    sell(provider, LIKES)
    sync(provider, replace(LIKES, rate_e8=LIKES.rate_e8 * 10))
    return Quarantine.objects.get()


class TestPick:
    def test_finds_words_without_accents(self, client: Client) -> None:
        provider = listed(12)

        reply = client.get(path(provider, "import?q=thich+12"))

        assert [row.name for row in reply.context["found"].rows] == ["Thích 12"]

    def test_sells_what_is_ticked_at_the_mark_up(self, client: Client) -> None:
        provider = listed()
        form = {"mark_up": "50", "pick": ["1", "3"]}

        client.post(path(provider, "import"), form)

        assert [rate(service) for service in Service.objects.order_by("pk")] == ["1.5", "1.5"]
        assert acts() == ["catalogue.import"]
        left = client.get(path(provider, "import")).context["found"]
        assert [row.upstream_id for row in left.rows] == ["2"]

    def test_sells_all_that_is_found(self, client: Client) -> None:
        provider = listed(120)

        client.post(path(provider, "import?q=thich+1"), {"mark_up": "20", "all": "yes"})

        ones = [n for n in range(1, 121) if "1" in str(n)]
        assert Service.objects.count() == len(ones)

    def test_puts_them_into_a_category_of_ours(self, client: Client) -> None:
        provider = listed()
        ours = Category.objects.create(name="Ours", platform=Platform.objects.create(name="Meta"))

        client.post(path(provider, "import"), {"mark_up": "20", "pick": "1", "into": ours.pk})

        assert Service.objects.get().category == ours

    @pytest.mark.parametrize(
        "form",
        [
            {"mark_up": "20"},
            {"mark_up": "20", "pick": "99"},
            {"mark_up": "-1", "pick": "1"},
            {"mark_up": "many", "pick": "1"},
            {"mark_up": "20000", "pick": "1"},
            {"mark_up": "20", "pick": "1", "into": "99"},
        ],
    )
    def test_refuses_what_cannot_be_sold(self, client: Client, form: dict[str, str]) -> None:
        reply = client.post(path(listed(), "import"), form)

        assert reply.status_code == 200
        assert reply.context["form"].errors
        assert not Service.objects.exists()
        assert acts() == []

    def test_takes_as_many_queries_for_a_thousand(self, client: Client) -> None:
        few, many = listed(2, "few"), listed(1_000)
        client.get(path(few, "import?q=thich"))
        with CaptureQueriesContext(connection) as for_few:
            client.get(path(few, "import?q=thich"))

        with CaptureQueriesContext(connection) as for_many:
            first = client.get(path(many, "import?q=thich"))

        assert len(for_many) == len(for_few)
        assert len(first.context["found"].rows) == 50
        after = first.context["found"].after
        second = client.get(path(many, f"import?q=thich&after={after}"))
        assert second.context["found"].rows[0].upstream_id == "51"

    def test_shows_no_rates_to_who_may_not_see_money(self) -> None:
        client = people.staff(levels={Section.PROVIDERS: Level.EDIT})
        provider = listed()

        assert "$" not in client.get(path(provider, "import")).content.decode()


@pytest.mark.sockets
class TestFetch:
    def test_shows_what_would_change_and_changes_nothing(
        self, client: Client, upstream: Upstream
    ) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key="its-key")
        (service,) = sell(provider, replace(LIKES, upstream_id="7"))

        page = client.post(path(provider, "price-list/fetch")).content.decode()

        assert "1.2 → 1.08" in page
        assert rate(service) == "1.2"
        assert acts() == []

    def test_tells_no_rates_to_who_may_not_see_money(self, upstream: Upstream) -> None:
        client = people.staff(levels={Section.PROVIDERS: Level.EDIT})
        provider = registry.add(name="upstream", url=upstream.url, key="its-key")
        sell(provider, replace(LIKES, upstream_id="7"))

        page = client.post(path(provider, "price-list/fetch")).content.decode()

        assert "1.08" not in page
        assert "would change" in page

    def test_follows_when_it_is_told_to(self, client: Client, upstream: Upstream) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key="its-key")
        (service,) = sell(provider, replace(LIKES, upstream_id="7"))

        client.post(path(provider, "price-list/fetch"), {"act": "apply"})

        assert rate(service) == "1.08"
        assert acts() == ["catalogue.sync"]

    def test_follows_a_short_list_only_when_it_is_believed(
        self, client: Client, upstream: Upstream
    ) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key="its-key")
        sell(provider, *(listing(str(n)) for n in range(1, 10)))

        client.post(path(provider, "price-list/fetch"), {"act": "apply"})
        assert provider.services.filter(upstream_id="7", rate_e8=90_000_000).count() == 0

        client.post(path(provider, "price-list/fetch"), {"act": "apply", "accept_short": "yes"})
        assert provider.services.filter(upstream_id="7", rate_e8=90_000_000).count() == 1

    def test_says_what_went_wrong(self, client: Client, upstream: Upstream) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key="its-key")
        upstream.replies["balance"] = b"<html>"

        page = client.post(path(provider, "price-list/fetch")).content.decode()

        assert "The provider did not do it" in page


class TestSyncs:
    def test_are_taken_back_as_a_whole(self, client: Client) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        synced = sync(provider, replace(LIKES, rate_e8=LIKES.rate_e8 * 11 // 10))
        assert rate(service) == "1.32"

        client.post(path(provider, f"price-list/{synced.sync_id}/undo"))

        assert rate(service) == "1.2"
        page = client.post(path(provider, f"price-list/{synced.sync_id}/undo"), follow=True)
        assert "taken back already" in page.content.decode()
        assert acts() == ["catalogue.undo"]

    def test_of_another_provider_are_absent(self, client: Client) -> None:
        provider, other = cast.provider(), cast.provider(name="other")
        sell(provider)
        synced = sync(provider, replace(LIKES, rate_e8=LIKES.rate_e8 * 11 // 10))

        reply = client.post(path(other, f"price-list/{synced.sync_id}/undo"))

        assert reply.status_code == 404


class TestRules:
    def test_are_set_and_removed(self, client: Client) -> None:
        provider = listed()
        form = {"mark_up": "12.5", "fixed": "0.1", "category": "", "auto_import": "on"}

        client.post(path(provider, "rules"), form)

        rule = Markup.objects.get()
        assert (rule.percent_e2, rule.fixed_e8, rule.auto_import) == (1_250, 10_000_000, True)

        client.post(path(provider, "rules/remove"), {"category": ""})
        client.post(path(provider, "rules/remove"), {"category": ""})
        assert not Markup.objects.exists()
        assert acts() == ["catalogue.set_rule", "catalogue.remove_rule"]

    @pytest.mark.parametrize(
        "wrong", [{"mark_up": "99999"}, {"fixed": "much"}, {"category": "nothing like it"}]
    )
    def test_that_cannot_be_are_refused(self, client: Client, wrong: dict[str, str]) -> None:
        provider = listed()

        reply = client.post(
            path(provider, "rules"), {"mark_up": "5", "fixed": "0", "category": ""} | wrong
        )

        assert reply.context["rule_form"].errors
        assert not Markup.objects.exists()


class TestWaiting:
    def test_is_approved(self, client: Client) -> None:
        one = waiting()
        assert "1 → 10" in client.get("/staff/price-changes").content.decode()

        client.post("/staff/price-changes/approve", {"pick": one.pk})

        assert not Quarantine.objects.exists()
        assert rate(Service.objects.get()) == "12"
        assert acts() == ["catalogue.approve"]

    def test_is_rejected(self, client: Client) -> None:
        one = waiting()

        client.post("/staff/price-changes/reject", {"pick": one.pk})

        assert Quarantine.objects.get().rejected
        assert Service.objects.get().visibility != Visibility.HIDDEN
        assert "Nothing waits" in client.get("/staff/price-changes").content.decode()

    @pytest.mark.parametrize("pick", [[], ["99"], ["x"], ["9" * 30]])
    def test_that_was_decided_already_says_so(self, client: Client, pick: list[str]) -> None:
        one = waiting()

        reply = client.post("/staff/price-changes/approve", {"pick": pick}, follow=True)

        assert "message-error" in reply.content.decode()
        assert Quarantine.objects.get() == one
        assert acts() == []
