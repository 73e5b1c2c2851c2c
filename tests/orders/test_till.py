from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection

from relaypanel.accounts.models import Role
from relaypanel.catalogue.models import Service
from relaypanel.errors import Refused
from relaypanel.ledger import book, members
from relaypanel.orders import insert, place, till
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
        service = cast.service(rate="1")
        batches = _slow(monkeypatch, first_waits_for=6, takes_along=False)

        outcomes = _pay([wanted(buyer, service) for buyer in buyers(7)])

        assert batches == [1, 6]
        assert len({outcome for outcome in outcomes if isinstance(outcome, int)}) == 7
        assert Order.objects.count() == 7

    def test_waits_for_those_it_has_just_served(self, monkeypatch: pytest.MonkeyPatch) -> None:
        service, several = cast.service(rate="1"), buyers(6)
        batches = _slow(monkeypatch, first_waits_for=5, takes_along=False)
        _pay([wanted(buyer, service) for buyer in several])
        # It need not wait as long as it may: it goes once the last of them is there.
        monkeypatch.setattr(till, "GATHER_SECONDS", threading.TIMEOUT_MAX)

        _pay([wanted(buyer, service, 2) for buyer in several[:5]])

        assert batches == [1, 5, 5]

    def test_waits_no_longer_for_those_who_do_not_come_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service, several = cast.service(rate="1"), buyers(6)
        batches = _slow(monkeypatch, first_waits_for=5, takes_along=False)
        _pay([wanted(buyer, service) for buyer in several])

        till.pay(wanted(several[0], service, 2), now=NOW)

        assert batches == [1, 5, 1]

    def test_takes_along_who_comes_while_it_waits_for_their_account(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="4").user, cast.service(rate="1")
        batches = _slow(monkeypatch, first_waits_for=5)

        outcomes = _pay([wanted(alice.pk, service, number) for number in range(6)])

        assert batches == [6]
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            *("NotEnoughFunds", "NotEnoughFunds"),
            *("int", "int", "int", "int"),
        ]
        assert book.balance(alice.pk) == 0

    def test_takes_nobody_along_whose_account_it_does_not_have(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever writes to SQLite has all of them."""
        service, (first, second) = cast.service(rate="1"), buyers(2)
        batches = _slow(monkeypatch, first_waits_for=7)

        outcomes = _pay([wanted(buyer, service, n) for n in range(4) for buyer in (first, second)])

        assert batches == ([8] if connection.vendor == "sqlite" else [4, 4])
        placed = Order.objects.values_list("user_id", flat=True)
        assert sorted(placed) == [first] * 4 + [second] * 4
        assert len(set(outcomes)) == 8

    def test_holds_so_many_at_the_most(self, monkeypatch: pytest.MonkeyPatch) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        monkeypatch.setattr(till, "BATCH_MAX", 4)
        batches = _slow(monkeypatch, first_waits_for=5)

        _pay([wanted(alice.pk, service, number) for number in range(6)])

        assert batches == [4, 2]
        assert Order.objects.count() == 6

    def test_places_all_batches_by_one_connection_beside_the_threads_own(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = cast.service(rate="1")
        whole, used = place.ids, []

        def ids(**values: Any) -> list[int | Refused]:
            used.append(connection.connection)
            return whole(**values)

        monkeypatch.setattr(place, "ids", ids)

        for buyer in buyers(3):
            _pay([wanted(buyer, service)])

        assert len(used) == 3
        assert used[1] is used[2]
        assert used[1] not in (None, connection.connection)

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

    @pytest.mark.parametrize("users", [1, 4])
    def test_lets_a_fault_break_its_own_order_alone(
        self, monkeypatch: pytest.MonkeyPatch, users: int
    ) -> None:
        """Whether it was of the batch from the start, or joined it."""
        requests = four_wanted(buyers(users))
        _slow(monkeypatch, first_waits_for=3, broken=requests[3], error=DataError("22P05"))

        outcomes = _pay(requests)

        assert [type(outcome) for outcome in outcomes] == [int, int, int, DataError]
        assert Order.objects.count() == 3

    @pytest.mark.parametrize("users", [1, 4])
    def test_tries_nothing_again_that_may_be_on_disk(
        self, monkeypatch: pytest.MonkeyPatch, users: int
    ) -> None:
        requests = four_wanted(buyers(users))
        error = OperationalError("the connection is lost")
        _slow(monkeypatch, first_waits_for=3, broken=requests[3], error=error)

        outcomes = _pay(requests)

        # All of its batch: on PostgreSQL the first of four users had one of its own.
        is_one_batch = users == 1 or connection.vendor == "sqlite"
        assert outcomes.count(error) in ((4,) if is_one_batch else (1, 3))
        assert Order.objects.count() == 4 - outcomes.count(error)

    @pytest.mark.postgresql
    def test_tries_once_more_what_the_database_has_not_seen(self) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        with till._TILL.connection.lent():
            connection.ensure_connection()
            assert connection.connection is not None
            connection.connection.close()

        assert isinstance(till.pay(wanted(alice.pk, service), now=NOW), int)

    def test_tries_nothing_once_more_on_a_connection_that_stands(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        calls = []

        def ids(**values: object) -> list[int]:
            calls.append(values)
            raise OperationalError("canceling statement due to lock timeout")

        monkeypatch.setattr(place, "ids", ids)

        with pytest.raises(OperationalError):
            till.pay(wanted(alice.pk, service), now=NOW)
        assert len(calls) == 1

    @pytest.mark.postgresql
    def test_tries_nothing_once_more_after_it_had_the_accounts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        calls = []
        whole = insert.write

        def write(*args: Any, **values: Any) -> list[int]:
            calls.append(args)
            connection.connection.close()
            return whole(*args, **values)

        monkeypatch.setattr(insert, "write", write)

        with pytest.raises(OperationalError):
            till.pay(wanted(alice.pk, service), now=NOW)
        assert len(calls) == 1
        assert not Order.objects.exists()

    def test_leaves_nobody_waiting_when_the_program_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, service = cast.alice(balance="100").user, cast.service(rate="1")
        broken = wanted(alice.pk, service, 13)
        _slow(monkeypatch, first_waits_for=3, broken=broken, error=SystemExit())

        outcomes = _pay([*(wanted(alice.pk, service, number) for number in range(3)), broken])

        assert any(isinstance(outcome, SystemExit) for outcome in outcomes)
        assert isinstance(till.pay(wanted(alice.pk, service), now=NOW), int)


def buyers(count: int) -> list[int]:
    """Return the IDs of so many users with some money."""
    names = [f"buyer{number}" for number in range(count)]
    made = [
        members.enrol(username=name, password=None, role=Role.CUSTOMER, now=NOW) for name in names
    ]
    for member in made:
        cast.fund(member.user, "100")
    return [member.user.pk for member in made]


def four_wanted(users: list[int]) -> list[OrderRequest]:
    service = cast.service(rate="1")
    several = users * (4 // len(users))
    return [wanted(buyer, service, number) for number, buyer in enumerate(several)]


def _slow(
    monkeypatch: pytest.MonkeyPatch,
    *,
    first_waits_for: int,
    takes_along: bool = True,
    broken: OrderRequest | None = None,
    error: BaseException | None = None,
) -> list[int]:
    """Let the first batch last until so many more wait; return the sizes of all batches.

    They join a batch as they do in the panel, or none if it `takes_along` nobody.
    """
    sizes: list[int] = []
    whole = place.ids
    queue: Any = till._TILL._queue

    def ids(
        *,
        requests: Sequence[OrderRequest],
        now: datetime,
        late: Callable[[], Sequence[OrderRequest]],
    ) -> list[int | Refused]:
        sizes.append(len(requests))
        if len(sizes) == 1:
            waiting = threading.Event()
            while len(till._TILL._queue) < first_waits_for:
                waiting.wait(0.001)

        def joining() -> Sequence[OrderRequest]:
            more = late()
            sizes[-1] += len(more)
            if error is not None and (broken in more or broken in requests):
                raise error
            return more

        return whole(requests=requests, now=now, late=joining if takes_along else tuple)

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
