"""R3: all that moves money, at once and at random.  Every balance is the sum of its transfers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from relaypanel.accounts.models import Role, User
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderWord
from relaypanel.errors import Refused
from relaypanel.ledger import audit, book, chart, members
from relaypanel.ledger.models import Account, Code, Transfer
from relaypanel.orders import place, poll, requests, schedules, send, staff, states
from relaypanel.orders.models import ACTIVE, Order, Status
from relaypanel.orders.oddities import Oddities
from relaypanel.orders.place import OrderRequest
from relaypanel.providers.answers import Accepted, Fault, Rejected, UpstreamStatus
from relaypanel.providers.models import Provider
from tests import cast
from tests.faults import size
from tests.orders import scene

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = size.of(short=600, full=5000)
THREADS = 4
ROWS = size.of(short=20_000, full=1_000_000)
AUDIT_SECONDS_MAX = 10

FILL = """
    INSERT INTO ledger_transfer (key, debit_id, credit_id, amount_e8, code, reason, created_at)
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {rows})
    SELECT 'fill:' || n, {cash}, {user}, n, 'deposit', '', '2026-11-24 12:00:00+00:00' FROM number
"""

Operation = Callable[["Shop", random.Random, datetime], None]


class TestLedger:
    def test_agrees_after_everything_at_once(self) -> None:
        done = Shop().run(NUMBER)

        figures = ", ".join(f"{number} {name}" for name, number in sorted(done.items()))
        print(f"\nR3 ledger: {NUMBER} operations, {THREADS} threads, 0 off: {figures}")  # noqa: T201
        assert scene.books_agree()
        assert audit.drift_e8() == 0
        # Each kind of operation was done, and not only refused.
        assert set(Transfer.objects.values_list("code", flat=True)) == set(Code) - {Code.WITHDRAWAL}
        assert all(done[operation.__name__.strip("_")] for operation in OPERATIONS)

    def test_finds_a_balance_that_was_edited(self) -> None:
        shop = Shop()
        shop.run(50, _order, _edited_balance)

        differences = audit.prove()
        print(f"\nR3 twin, balance without transfer: {len(differences)} differences")  # noqa: T201
        assert differences

    def test_finds_one_unit(self) -> None:
        shop = Shop()
        shop.run(50)
        Account.objects.filter(user=shop.users[0]).update(balance_e8=F("balance_e8") + 1)

        assert len(audit.prove()) == 1

    @pytest.mark.parametrize(
        "statement", ["UPDATE ledger_transfer SET amount_e8 = 1", "DELETE FROM ledger_transfer"]
    )
    def test_lets_no_transfer_be_changed(self, statement: str) -> None:
        cast.alice(balance="5")

        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(statement)

    def test_is_proved_in_time(self) -> None:
        user = cast.alice().user
        statement = FILL.format(rows=ROWS, cash=chart.CASH, user=user.pk)
        connection.cursor().execute(statement)
        Account.objects.filter(user=user).update(balance_e8=ROWS * (ROWS + 1) // 2)

        began = time.monotonic()
        differences = audit.prove()
        seconds = time.monotonic() - began

        print(f"\nR3 audit: {ROWS} transfers in {seconds:.1f} s")  # noqa: T201
        assert differences == []
        assert seconds < AUDIT_SECONDS_MAX


class Shop:
    """Buyers, services and a provider, and each operation that there is."""

    def __init__(self) -> None:
        names = ("alice", "bob", "carol", "dan", "eve")
        self.users: list[User] = [
            members.enrol(username=name, password=None, now=cast.NOW, role=Role.CUSTOMER).user
            for name in names
        ]
        for user in self.users:
            cast.fund(user, "50")
        self.provider: Provider = cast.provider()
        self.plain = self._service(cancel=True, refill_days=30, refill_after_hours=0)
        self.dripping = self._service(dripfeed=True, cancel=True)
        self.manual = cast.service(rate="0.9")

    def run(self, number: int, *operations: Operation) -> Counter[str]:
        """Do so many random operations in threads; return how many of each were not refused."""
        wanted = operations or OPERATIONS
        with ThreadPoolExecutor(THREADS) as pool:
            parts = [
                pool.submit(self._work, random.Random(seed), number // THREADS, wanted)
                for seed in range(THREADS)
            ]
            return sum((part.result() for part in parts), Counter[str]())

    def buyer(self, dice: random.Random) -> User:
        return dice.choice(self.users)

    def order(self, dice: random.Random, *statuses: Status) -> Order | None:
        """Return one of the orders that stand so."""
        ids = list(Order.objects.filter(status__in=statuses).values_list("pk", flat=True))
        return Order.objects.get(pk=dice.choice(ids)) if ids else None

    def _service(self, **settings: Any) -> Service:
        service = cast.service(rate="0.9", **settings)
        cast.route(service, self.provider, upstream_id=str(service.pk))
        return service

    def _work(
        self, dice: random.Random, number: int, operations: Sequence[Operation]
    ) -> Counter[str]:
        done: Counter[str] = Counter()
        for at in range(number):
            operation = dice.choice(operations)
            name = operation.__name__.strip("_")
            try:
                operation(self, dice, cast.NOW + timedelta(minutes=at))
            except (Refused, states.LostRace):
                name = f"{name} refused"
            done[name] += 1
        connection.close()
        return done


def _order(shop: Shop, dice: random.Random, now: datetime) -> None:
    fields = {"quantity": str(dice.randrange(10, 5000))}
    _place(shop, dice, now, [(dice.choice((shop.plain, shop.manual)), fields)])


def _mass_order(shop: Shop, dice: random.Random, now: datetime) -> None:
    _place(shop, dice, now, [(shop.plain, {"quantity": "100"})] * 5)


def _drip_feed(shop: Shop, dice: random.Random, now: datetime) -> None:
    fields = {"quantity": "100", "runs": str(dice.randrange(1, 5)), "interval": "5"}
    _place(shop, dice, now, [(shop.dripping, fields)])


def _place(
    shop: Shop, dice: random.Random, now: datetime, wanted: list[tuple[Service, dict[str, str]]]
) -> None:
    verdicts = place.place(
        requests=[
            OrderRequest(
                user_id=shop.buyer(dice).pk,
                service_id=service.pk,
                fields={"link": f"https://example.com/{dice.random()}"} | fields,
            )
            for service, fields in wanted
        ],
        now=now,
    )
    for verdict in verdicts:
        if isinstance(verdict, Refused):
            raise verdict


def _runs(_: Shop, __: random.Random, now: datetime) -> None:
    schedules.look(now=now)


def _send(shop: Shop, dice: random.Random, now: datetime) -> None:
    parcels = send.due(provider=shop.provider, limit=5, now=now)
    going = send.intend(provider=shop.provider, parcels=parcels, now=now)
    for parcel in parcels:
        if parcel.order_id in going:
            answer = dice.choice(
                (
                    Accepted(upstream_id=str(parcel.order_id)),
                    Accepted(upstream_id=str(parcel.order_id)),
                    Rejected(fault=Fault.NEVER, words="Bad link"),
                )
            )
            send.settle(parcel=parcel, answer=answer, now=now)


def _poll(shop: Shop, dice: random.Random, now: datetime) -> None:
    orders = list(Order.objects.filter(status__in=ACTIVE, upstream_id__isnull=False)[:10])
    told = {
        str(order.upstream_id): UpstreamStatus(
            word=dice.choice(tuple(OrderWord)),
            start_count=None,
            remains=dice.randrange(order.quantity + 1),
            cost_e8=None,
        )
        for order in orders
    }
    poll.settle(orders=orders, told=told, oddities=Oddities(), now=now)


def _cancel(shop: Shop, dice: random.Random, now: datetime) -> None:
    order = shop.order(dice, Status.QUEUED, Status.IN_PROGRESS)
    if order is not None:
        requests.ask_cancel(user_id=order.user_id, order_ids=[order.pk], now=now)


def _refill(shop: Shop, dice: random.Random, now: datetime) -> None:
    order = shop.order(dice, Status.COMPLETED)
    if order is not None:
        requests.ask_refill(user_id=order.user_id, order_ids=[order.pk], now=now)


def _staff(shop: Shop, dice: random.Random, now: datetime) -> None:
    order = shop.order(dice, Status.QUEUED, Status.PENDING)
    if order is not None:
        to = dice.choice((Status.PARTIAL, Status.CANCELED, Status.COMPLETED))
        remains = dice.randrange(order.quantity + 1) if to is Status.PARTIAL else None
        staff.set_status(order_id=order.pk, to=to, remains=remains, now=now)


def _deposit(shop: Shop, dice: random.Random, now: datetime) -> None:
    _move(shop, dice, now, Code.DEPOSIT, chart.CASH, 1)


def _bonus(shop: Shop, dice: random.Random, now: datetime) -> None:
    _move(shop, dice, now, Code.BONUS, chart.PROMOTIONS, 1)


def _affiliate(shop: Shop, dice: random.Random, now: datetime) -> None:
    _move(shop, dice, now, Code.AFFILIATE, chart.PROMOTIONS, 1)


def _adjust(shop: Shop, dice: random.Random, now: datetime) -> None:
    _move(shop, dice, now, Code.ADJUSTMENT, chart.ADJUSTMENTS, dice.choice((1, -1)))


def _move(
    shop: Shop, dice: random.Random, now: datetime, code: Code, house: int, sign: int
) -> None:
    user = shop.buyer(dice).pk
    posting = book.Posting(
        key=f"{code}:{dice.random()}",
        debit=house if sign > 0 else user,
        credit=user if sign > 0 else house,
        amount_e8=dice.randrange(1, 5 * 10**8),
        code=code,
    )
    # Said twice, as by an impatient gateway or hand; it moves once.
    assert book.post(posting, now=now)
    assert not book.post(posting, now=now)


def _edited_balance(shop: Shop, dice: random.Random, now: datetime) -> None:
    """The broken twin: a deposit that leaves no transfer."""
    Account.objects.filter(user=shop.buyer(dice)).update(balance_e8=F("balance_e8") + 5)


OPERATIONS: tuple[Operation, ...] = (
    *(_order, _mass_order, _drip_feed, _runs, _send, _poll, _cancel, _refill, _staff),
    *(_deposit, _bonus, _affiliate, _adjust),
)
