from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection

from relaypanel.catalogue.models import Service
from relaypanel.errors import Refused
from relaypanel.ledger import book
from relaypanel.orders import place, till
from relaypanel.orders.models import Order
from relaypanel.orders.place import OrderRequest
from tests import cast
from tests.cast import NOW


def wanted(user_id: int, service: Service, number: int = 1) -> OrderRequest:
    fields = {"link": f"https://example.com/{number}", "quantity": "1000"}
    return OrderRequest(user_id=user_id, service_id=service.pk, fields=fields)


@pytest.fixture(autouse=True)
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a till that has served nobody yet."""
    monkeypatch.setattr(till, "_TILL", till._Till())


@pytest.mark.django_db
class TestPay:
    def test_gives_the_order_that_was_placed(self) -> None:
        alice, service = cast.alice(balance="10").user, cast.service(rate="1")

        order_id = till.pay(wanted(alice.pk, service), now=NOW)

        assert Order.objects.get().pk == order_id

    def test_raises_the_refusal(self) -> None:
        alice, service = cast.alice(balance="0.5").user, cast.service(rate="1")

        with pytest.raises(book.NotEnoughFunds):
            till.pay(wanted(alice.pk, service), now=NOW)


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_places_those_that_come_meanwhile_with_one_commit(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        batches = _slow(monkeypatch, first_waits_for=6)

        outcomes = _pay([wanted(alice.pk, service, number) for number in range(7)])

        assert sorted(batches) == [1, 6]
        assert len({outcome for outcome in outcomes if isinstance(outcome, int)}) == 7
        assert Order.objects.count() == 7

    def test_waits_for_those_it_has_just_served(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        batches = _slow(monkeypatch, first_waits_for=5)
        _pay([wanted(alice.pk, service, number) for number in range(6)])
        # It need not wait as long as it may: it goes once the last of them is there.
        monkeypatch.setattr(till, "GATHER_SECONDS", threading.TIMEOUT_MAX)

        _pay([wanted(alice.pk, service, number) for number in range(10, 15)])

        assert batches == [1, 5, 5]

    def test_waits_no_longer_for_those_who_do_not_come_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        batches = _slow(monkeypatch, first_waits_for=5)
        _pay([wanted(alice.pk, service, number) for number in range(6)])

        till.pay(wanted(alice.pk, service), now=NOW)

        assert batches == [1, 5, 1]

    def test_lets_a_lone_caller_wait_for_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        monkeypatch.setattr(till, "GATHER_SECONDS", threading.TIMEOUT_MAX)

        for number in range(3):
            till.pay(wanted(alice.pk, service, number), now=NOW)

        assert Order.objects.count() == 3

    def test_tells_each_its_own_outcome(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, bob = cast.alice(balance="100").user, cast.bob(balance="1").user
        service = cast.service(rate="1")
        _slow(monkeypatch, first_waits_for=3)

        outcomes = _pay([wanted(user.pk, service) for user in (alice, bob, bob, alice)])

        kinds = [type(outcome) for outcome in outcomes]
        assert (kinds[0], kinds[3]) == (int, int)
        assert sorted(kind.__name__ for kind in kinds[1:3]) == ["NotEnoughFunds", "int"]

    def test_lets_a_fault_break_its_own_order_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        broken = wanted(alice.pk, service, 13)
        _slow(monkeypatch, first_waits_for=3, broken=broken, error=DataError("22P05"))

        outcomes = _pay([*(wanted(alice.pk, service, number) for number in range(3)), broken])

        assert [type(outcome) for outcome in outcomes] == [int, int, int, DataError]
        assert Order.objects.count() == 3

    def test_tries_nothing_again_that_may_be_on_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        broken = wanted(alice.pk, service, 13)
        error = OperationalError("the connection is lost")
        batches = _slow(monkeypatch, first_waits_for=3, broken=broken, error=error)

        outcomes = _pay([*(wanted(alice.pk, service, number) for number in range(3)), broken])

        assert len(batches) == 2
        assert outcomes.count(error) in (1, 3)

    def test_leaves_nobody_waiting_when_the_program_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        broken = wanted(alice.pk, service, 13)
        _slow(monkeypatch, first_waits_for=3, broken=broken, error=SystemExit())

        outcomes = _pay([*(wanted(alice.pk, service, number) for number in range(3)), broken])

        assert any(isinstance(outcome, SystemExit) for outcome in outcomes)
        assert isinstance(till.pay(wanted(alice.pk, service), now=NOW), int)


def _slow(
    monkeypatch: pytest.MonkeyPatch,
    *,
    first_waits_for: int,
    broken: OrderRequest | None = None,
    error: BaseException | None = None,
) -> list[int]:
    """Let the first batch last until so many more wait; return the sizes of all batches."""
    sizes: list[int] = []
    whole = place.ids
    queue: Any = till._TILL._queue

    def ids(*, requests: Sequence[OrderRequest], now: datetime) -> list[int | Refused]:
        sizes.append(len(requests))
        if len(sizes) == 1:
            waiting = threading.Event()
            while len(till._TILL._queue) < first_waits_for:
                waiting.wait(0.001)
        if error is not None and broken in requests:
            raise error
        return whole(requests=requests, now=now)

    assert not queue
    monkeypatch.setattr(place, "ids", ids)
    return sizes


def _pay(requests: list[OrderRequest]) -> list[int | BaseException]:
    def pay(request: OrderRequest) -> int | BaseException:
        try:
            return till.pay(request, now=NOW)
        except BaseException as error:  # noqa: BLE001 - it is what the test looks at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(pay, requests))
