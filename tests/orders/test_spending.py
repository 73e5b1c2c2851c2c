from __future__ import annotations

from typing import Any

import pytest

from relaypanel import money
from relaypanel.orders import reconcile, spending
from relaypanel.orders.models import Order, Status
from relaypanel.providers.answers import Balance
from relaypanel.providers.inquiry import Told
from relaypanel.providers.models import Provider, UpstreamService
from tests.orders import lost, scene
from tests.orders.lost import says
from tests.orders.scene import later

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def exclusive() -> Provider:
    """Return the provider, at which we had 100 before everything."""
    return lost.provider(
        key_is_exclusive=True, balance_e8=money.parse("100"), balance_at=later(seconds=-120)
    )


def look(balance: str, there: dict[str, Any] | None = None) -> str:
    """Look once, while we have `balance` left, and return where the first lost order stands."""
    order = Order.objects.filter(status=Status.UNCONFIRMED).earliest("pk")
    lost.look(there, balance=balance)
    return scene.again(order).status


def why() -> str:
    return scene.again(Order.objects.get(status=Status.UNCONFIRMED)).events.latest("pk").detail


class TestBalance:
    @pytest.mark.parametrize("left", ["99", "100", "250", "98.56"])
    def test_says_nothing_against_an_absent_order(self, left: str) -> None:
        # The two that were taken cost 0.5 each; top-ups only make the drop smaller.
        lost.between()

        assert look(left) == Status.QUEUED

    @pytest.mark.parametrize(
        ("left", "missing"), [("98.5", "0.5"), ("98.54", "0.46"), ("50", "49")]
    )
    def test_keeps_an_order_from_being_sent_again(self, left: str, missing: str) -> None:
        lost.between()

        assert look(left) == Status.UNCONFIRMED

        assert why() == f"our orders do not explain {missing} that left our balance there"

    def test_knows_what_an_attached_order_costs(self) -> None:
        lost.accepted(0, "10")
        lost.lost(50)
        taken = lost.lost(51, quantity=3000)
        lost.accepted(300, "20")

        assert look("97.5", {"13": says("1.5")}) == Status.QUEUED
        assert scene.again(taken).upstream_id == "13"

    def test_believes_what_the_provider_says_it_took(self) -> None:
        lost.between()
        Order.objects.filter(upstream_id="10").update(cost_e8=money.parse("1"))

        assert look("98.5") == Status.QUEUED

    def test_allows_for_an_order_that_was_on_its_way_when_it_was_read(self) -> None:
        Provider.objects.update(balance_at=later(seconds=59))
        lost.sent(3)
        lost.between()

        assert look("98.5") == Status.QUEUED


class TestDoubt:
    def test_is_none_where_no_order_is_absent(self) -> None:
        lost.between()

        assert look("50", {"13": says()}) == Status.PENDING

    def test_is_none_in_another_currency(self) -> None:
        lost.between()
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case
        told = lost.told(case, {})
        other = Told(statuses=told.statuses, balance=Balance(amount_e8=0, currency="VND"))

        reconcile.close_case(case=case, told=other, now=later(seconds=400))

        assert not Order.objects.filter(status=Status.UNCONFIRMED).exists()

    def test_is_none_where_too_many_orders_were_sent_since(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spending, "ORDERS_MAX", 1)
        lost.between()

        assert look("50") == Status.QUEUED

    def test_is_none_where_a_cost_cannot_be_foreseen(self) -> None:
        lost.between()
        UpstreamService.objects.update(type="Subscriptions")

        assert look("50") == Status.QUEUED


class TestTells:
    def attempts(self) -> list[Any]:
        lost.between()
        case = reconcile.open_case(provider=lost.provider(), now=later(seconds=400))
        assert case
        return case.attempts

    def test_is_said_of_a_balance_from_before(self, exclusive: Provider) -> None:
        assert spending.tells(exclusive, self.attempts())

    @pytest.mark.parametrize(
        "columns",
        [
            {"key_is_exclusive": False},
            {"balance_e8": None},
            {"balance_at": None},
            {"balance_at": later(seconds=60)},
        ],
    )
    def test_is_not_said_otherwise(self, columns: dict[str, Any]) -> None:
        attempts = self.attempts()

        assert not spending.tells(lost.provider(**columns), attempts)
