from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.catalogue import quarantine
from relaypanel.catalogue.models import (
    Cause,
    News,
    Quarantine,
    Route,
    Service,
    ServiceUpdate,
    Visibility,
)
from relaypanel.contract import OrderType
from relaypanel.providers.models import Provider
from tests import cast
from tests.catalogue.lists import after, listing, rate, sell, sync

pytestmark = pytest.mark.django_db


class TestApprove:
    def test_lets_the_price_go_where_it_went(self) -> None:
        provider, service = _held("10")
        assert (rate(service), service.visibility) == ("1.2", Visibility.PAUSED)

        (turn,) = quarantine.approve(ids=_ids(), now=after(2))

        assert turn.columns == {"rate_e8": money.parse("12"), "visibility": "enabled"}
        assert (rate(service), service.visibility) == ("12", Visibility.ENABLED)
        assert Route.objects.get().closed_for == ""
        assert not Quarantine.objects.exists()
        assert ServiceUpdate.objects.latest("pk").kind == News.ON
        sync(provider, listing(rate="10.5"), hours=3)
        assert rate(service) == "12.6"

    def test_takes_another_type_over(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        sync(provider, listing(type=OrderType.PACKAGE, rate="1.1", max=1, min=1))

        quarantine.approve(ids=_ids(), now=after(2))

        assert rate(service) == "1.32"
        assert (service.type, service.rate_per, service.max) == ("Package", 1, 1)
        assert service.visibility == Visibility.ENABLED

    def test_decides_what_was_rejected_before(self) -> None:
        _, service = _held("10")
        quarantine.reject(ids=_ids())

        quarantine.approve(ids=_ids(), now=after(2))

        assert rate(service) == "12"

    def test_cannot_make_a_fixed_rate_pay(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        Service.objects.update(rate_locked=True)
        sync(provider, listing(rate="1.25"))

        with pytest.raises(quarantine.StillBelowCost, match=r"costs 1\.25 .* fixed at 1\.2"):
            quarantine.approve(ids=_ids(), now=after(2))

        service.refresh_from_db()
        assert service.visibility == Visibility.PAUSED
        assert Quarantine.objects.get().cause == Cause.BELOW_COST

    def test_leaves_what_waits_for_other_routes(self) -> None:
        provider = cast.provider()
        one, two = sell(provider, listing("1"), listing("2"))
        sync(provider, listing("1", rate="10"), listing("2", rate="10"))

        quarantine.approve(ids=_ids()[:1], now=after(2))

        assert (rate(one), rate(two)) == ("12", "1.2")
        assert Quarantine.objects.get().route.service == two


class TestReject:
    def test_leaves_things_and_asks_no_more(self) -> None:
        provider, service = _held("0.1")

        quarantine.reject(ids=_ids())

        assert list(quarantine.waiting()) == []
        sync(provider, listing(rate="0.1"), hours=2)
        assert list(quarantine.waiting()) == []
        assert (rate(service), service.visibility) == ("1.2", Visibility.ENABLED)

    def test_is_not_for_another_change(self) -> None:
        provider, _ = _held("10")
        quarantine.reject(ids=_ids())

        sync(provider, listing(rate="11"), hours=2)

        assert [row.told_rate_e8 for row in quarantine.waiting()] == [money.parse("11")]


class TestWaiting:
    def test_comes_with_what_it_is_about_the_oldest_first(self) -> None:
        provider = cast.provider()
        one, two = sell(provider, listing("1"), listing("2"))
        sync(provider, listing("1"), listing("2", rate="10"))
        sync(provider, listing("1", rate="10"), listing("2", rate="10"), hours=2)

        assert [row.route.service for row in quarantine.waiting()] == [two, one]


@pytest.mark.parametrize(
    "decide", [quarantine.reject, lambda ids: quarantine.approve(ids=ids, now=after(2))]
)
def test_a_number_that_is_not_there_is_refused_with_all_others(decide: object) -> None:
    _, service = _held("10")
    assert callable(decide)

    with pytest.raises(quarantine.NotInQuarantine, match="404") as refusal:
        decide(ids=[*_ids(), 404])

    assert refusal.value.ids == (404,)
    assert rate(service) == "1.2"
    assert not Quarantine.objects.get().rejected


def _held(told: str) -> tuple[Provider, Service]:
    """Return a service, sold at 1.2, whose provider went from 1 to `told`."""
    provider = cast.provider()
    (service,) = sell(provider)
    sync(provider, listing(rate=told))
    return provider, service


def _ids() -> list[int]:
    return list(Quarantine.objects.order_by("pk").values_list("pk", flat=True))
