from __future__ import annotations

from decimal import Decimal

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from relaypanel.catalogue import intake, terms
from relaypanel.contract import Action
from relaypanel.errors import ProviderError
from relaypanel.providers.models import UpstreamService
from relaypanel.simulator.faults import Fault, FaultKind
from relaypanel.worker import jobs
from relaypanel.worker.jobs import Rest
from tests import cast
from tests.worker.desk import LIKES, Desk, Line

pytestmark = pytest.mark.django_db


class TestMirrorPrices:
    def test_records_what_the_provider_tells(self, desk: Desk) -> None:
        provider = cast.provider()

        rest = desk.do(jobs.mirror_prices, provider)

        provider.refresh_from_db()
        assert provider.balance_e8 is not None
        assert provider.balance_at == cast.NOW
        assert UpstreamService.objects.filter(upstream_id=LIKES, seen_at=cast.NOW).exists()
        assert rest == Rest(seconds=1_800)

    def test_lets_the_shop_follow(self, desk: Desk) -> None:
        provider = cast.provider()
        desk.do(jobs.mirror_prices, provider)
        told_e8 = UpstreamService.objects.get(upstream_id=LIKES).rate_e8
        UpstreamService.objects.update(rate_e8=told_e8 * 9 // 10)
        (service,) = intake.add_services(
            provider, markup_percent=Decimal(100), upstream_ids=[LIKES], now=cast.NOW
        )

        desk.do(jobs.mirror_prices, provider)

        service.refresh_from_db()
        assert service.rate_e8 == 2 * told_e8

    def test_comes_back_when_the_terms_say(self, desk: Desk) -> None:
        provider = cast.provider()
        terms.change(provider, every_minutes=5)

        assert desk.do(jobs.mirror_prices, provider) == Rest(seconds=300)

    def test_calls_no_provider_that_is_off(self, desk: Desk, line: Line) -> None:
        rest = desk.do(jobs.mirror_prices, cast.provider(enabled=False))

        assert rest == Rest(seconds=60)
        assert line.forms == []

    def test_says_why_it_does_not_follow(self, desk: Desk, settings: Settings) -> None:
        provider = cast.provider()
        settings.CURRENCY = "EUR"

        with capture_logs() as logs:
            rest = desk.do(jobs.mirror_prices, provider)

        assert rest == Rest(seconds=1_800)
        assert [(log["event"], log.get("reason")) for log in logs] == [
            ("price_list_not_followed", "other_currency")
        ]
        assert not UpstreamService.objects.exists()

    def test_changes_nothing_when_the_provider_fails(self, desk: Desk, line: Line) -> None:
        line.faults.add(Fault(kind=FaultKind.HTML, action=Action.SERVICES))

        with pytest.raises(ProviderError):
            desk.do(jobs.mirror_prices, cast.provider())

        assert not UpstreamService.objects.exists()

    def test_is_a_duty_of_every_provider(self) -> None:
        provider = cast.provider()

        assert f"mirror:{provider.pk}" in jobs.duties()
