from __future__ import annotations

import asyncio

import pytest

from relaypanel.errors import ProviderError
from relaypanel.providers import inquiry, registry
from relaypanel.providers.answers import Balance, UpstreamStatus
from relaypanel.providers.client import Client
from relaypanel.providers.inquiry import Told
from tests import cast
from tests.providers.panel import Panel

pytestmark = pytest.mark.django_db

STATUS = {"13": {"status": "In progress", "charge": "0.5"}}
BALANCE = {"balance": "100.84292", "currency": "USD"}


def ask(panel: Panel, *, wants_balance: bool = False) -> Told:
    client = Client(registry.endpoint(cast.provider()), panel.post)
    return asyncio.run(inquiry.ask(client, ["13"], wants_balance=wants_balance))


class TestAsk:
    def test_tells_how_orders_stand(self) -> None:
        panel = Panel(STATUS)

        told = ask(panel)

        assert isinstance(told.statuses["13"], UpstreamStatus)
        assert told.balance is None
        assert [form["action"] for form in panel.forms] == ["status"]

    def test_tells_what_we_have_left_afterwards(self) -> None:
        panel = Panel(STATUS, BALANCE)

        told = ask(panel, wants_balance=True)

        assert told.balance == Balance(amount_e8=10_084_292_000, currency="USD")
        assert [form["action"] for form in panel.forms] == ["status", "balance"]

    def test_tells_of_no_half_answer(self) -> None:
        with pytest.raises(ProviderError):
            ask(Panel(STATUS, ProviderError("HTTP 500")), wants_balance=True)
