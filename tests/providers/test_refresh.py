from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from relaypanel.contract import OrderType
from relaypanel.errors import ProviderError
from relaypanel.providers import logbook, refresh, registry
from relaypanel.providers.answers import Balance, Listing
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.cast import NOW
from tests.providers.panel import Panel, said
from tests.providers.test_pricelist import LISTING, ROW

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


def record(provider: Provider, *listings: Listing, now: Any = NOW) -> refresh.Recorded:
    return refresh.record(provider_id=provider.pk, listings=listings, now=now)


def ask(provider: Provider, panel: Panel) -> refresh.Told:
    return asyncio.run(refresh.ask(Client(registry.endpoint(provider), panel.post)))


class TestRecord:
    def test_writes_every_word_of_a_new_list(self) -> None:
        provider = cast.provider()

        recorded = record(provider, LISTING, replace(LISTING, upstream_id="3"))

        assert recorded == refresh.Recorded(new=2, known=0)
        row = UpstreamService.objects.get(upstream_id="2")
        assert {name: getattr(row, name) for name in Listing.__dataclass_fields__} == {
            "upstream_id": "2",
            "name": "Facebook Tăng Bình Luận Việt 🇻🇳",
            "description": "Like chất lượng cao",
            "category": "FB Bình luận",
            "platform": "Dịch vụ Facebook",
            "type": "Custom Comments",
            "rate_e8": 57_500 * 10**8,
            "min": 10,
            "max": 1500,
            "refill": False,
            "cancel": True,
            "dripfeed": True,
        }
        assert (row.provider, row.seen_at) == (provider, NOW)

    def test_keeps_the_order_of_the_list(self) -> None:
        record(cast.provider(), *(replace(LISTING, upstream_id=text) for text in ("9", "1", "5")))

        ids = UpstreamService.objects.order_by("id").values_list("upstream_id", flat=True)
        assert list(ids) == ["9", "1", "5"]

    def test_writes_over_what_it_knew(self) -> None:
        provider = cast.provider()
        record(provider, LISTING)
        before = UpstreamService.objects.get()
        changed = Listing(
            upstream_id="2",
            name="Renamed",
            description="",
            category="",
            platform="",
            type=OrderType.PACKAGE,
            rate_e8=1,
            min=0,
            max=2**63 - 1,
            refill=True,
            cancel=False,
            dripfeed=False,
        )

        recorded = record(provider, changed, replace(LISTING, upstream_id="3"), now=LATER)

        assert recorded == refresh.Recorded(new=1, known=1)
        after = UpstreamService.objects.get(upstream_id="2")
        assert after.pk == before.pk
        assert (after.name, after.type, after.rate_e8) == ("Renamed", "Package", 1)
        assert (after.max, after.refill, after.seen_at) == (2**63 - 1, True, LATER)

    def test_leaves_alone_what_is_no_longer_listed(self) -> None:
        provider = cast.provider()
        record(provider, LISTING, replace(LISTING, upstream_id="3"))

        record(provider, replace(LISTING, rate_e8=7), now=LATER)

        gone = UpstreamService.objects.get(upstream_id="3")
        assert (gone.seen_at, gone.rate_e8) == (NOW, LISTING.rate_e8)

    def test_leaves_alone_the_same_id_of_another_provider(self) -> None:
        record(cast.provider(name="first"), LISTING)

        recorded = record(cast.provider(name="second"), replace(LISTING, name="Other"))

        assert recorded == refresh.Recorded(new=1, known=0)
        assert set(UpstreamService.objects.values_list("provider__name", "name")) == {
            ("first", LISTING.name),
            ("second", "Other"),
        }

    def test_refuses_an_empty_list(self) -> None:
        provider = cast.provider()
        record(provider, LISTING)

        with pytest.raises(ProviderError, match="the last one stays"):
            record(provider, now=LATER)

        assert UpstreamService.objects.get().seen_at == NOW

    def test_takes_few_statements_for_a_long_list(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        provider = cast.provider()
        listings = [replace(LISTING, upstream_id=str(number)) for number in range(1, 1201)]
        # SQLite takes 999 values in a statement, PostgreSQL ours of 500 rows.
        statements = 20 if connection.vendor == "sqlite" else 3

        with django_assert_max_num_queries(statements + 6):
            record(provider, *listings)

        assert UpstreamService.objects.count() == 1200


class TestRecordBalance:
    def test_writes_what_is_left(self) -> None:
        provider = cast.provider()
        balance = Balance(amount_e8=-5, currency="USD")

        refresh.record_balance(provider_id=provider.pk, balance=balance, now=NOW)

        provider.refresh_from_db()
        assert (provider.balance_e8, provider.balance_at) == (-5, NOW)
        assert [each.amount_e8 for each in logbook.readings(provider, since=NOW)] == [-5]


class TestAsk:
    def test_returns_the_price_list_and_the_balance(self) -> None:
        panel = Panel({"balance": "1.5", "currency": "USD"}, [ROW])

        told = ask(cast.provider(), panel)

        assert told.balance == Balance(amount_e8=150_000_000, currency="USD")
        assert told.listings == [LISTING]
        assert [form["key"] for form in panel.forms] == ["its-key", "its-key"]

    def test_records_nothing(self) -> None:
        provider = cast.provider()

        ask(provider, Panel({"balance": "1.5"}, [ROW]))

        provider.refresh_from_db()
        assert provider.balance_e8 is None
        assert not UpstreamService.objects.exists()

    @pytest.mark.parametrize(
        "script",
        [
            pytest.param([{"balance": "1", "currency": "VND"}, [ROW]], id="other currency"),
            pytest.param([{"balance": "1"}, said("<html>")], id="HTML"),
            pytest.param([{"error": "Invalid API key"}], id="refused"),
        ],
    )
    def test_fails_as_a_whole(self, script: list[Any]) -> None:
        with pytest.raises(ProviderError):
            ask(cast.provider(), Panel(*script))
