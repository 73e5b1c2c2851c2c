"""Orders where a test begins, and what is seen of the database while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

from django.db import connection, transaction

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderWord
from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger import book
from relaypanel.orders import audit as orders_audit
from relaypanel.orders import place, schedules, subscriptions
from relaypanel.orders.models import (
    FINAL,
    WITHOUT_UPSTREAM_ID,
    CancelRequest,
    DripFeed,
    FeedState,
    Order,
    OrderEvent,
    Status,
)
from relaypanel.orders.place import OrderRequest
from relaypanel.providers.answers import UpstreamStatus
from relaypanel.providers.models import Provider
from tests import cast

LINK = "https://example.com/post/1"
NOW = cast.NOW

T = TypeVar("T")


def later(**span: float) -> datetime:
    return NOW + timedelta(**span)


def alice() -> User:
    """Return Alice, who came with 1000."""
    return User.objects.filter(username="alice").first() or cast.alice(balance="1000").user


def upstream() -> Provider:
    return Provider.objects.filter(name="upstream").first() or cast.provider()


def relayed(*, provider: Provider | None = None, **settings: Any) -> Service:
    """Return a service that a provider fulfils, at 1 for its thousand or its piece."""
    wanted: dict[str, Any] = {"rate": "1", "cancel": True} | settings
    service = cast.service(**wanted)
    cast.route(service, provider or upstream())
    return service


def placed(service: Service, /, **fields: str) -> Order:
    """Return an order of Alice's."""
    return placed_by(alice(), service, **fields)


def placed_by(user: User, service: Service, /, **fields: str) -> Order:
    """Return an order that was placed and paid, as the database holds it."""
    [verdict] = place.place(
        requests=[
            OrderRequest(
                user_id=user.pk,
                service_id=service.pk,
                fields={"link": LINK, "quantity": "1000"} | fields,
            )
        ],
        now=NOW,
    )
    assert isinstance(verdict, Order), verdict
    return again(verdict)


def standing(order: Order, status: Status, **columns: Any) -> Order:
    """Put an order where a test begins, whatever the arrows say."""
    if status in FINAL:
        columns = {"ended_at": NOW} | columns
    known = status not in WITHOUT_UPSTREAM_ID and order.provider_id is not None
    columns = {"upstream_id": f"up-{order.pk}" if known else None} | columns
    Order.objects.filter(pk=order.pk).update(status=status, **columns)
    return again(order)


def order(status: Status = Status.QUEUED, **columns: Any) -> Order:
    """Return an order of 1000 pieces for 1, which a provider fulfils."""
    return standing(placed(relayed()), status, **columns)


def drip_feed(*, runs: int = 3, interval: int = 30, **settings: Any) -> Order:
    """Return a drip-feed of 1000 pieces and 1 a run."""
    service = relayed(dripfeed=True, **settings)
    return placed(service, runs=str(runs), interval=str(interval))


def runs(parent: Order) -> list[Order]:
    return list(Order.objects.filter(parent=parent).order_by("run"))


def make_runs(parent: Order, count: int) -> list[Order]:
    """Make the next runs of a drip-feed without waiting for their intervals; return all."""
    for _ in range(count):
        DripFeed.objects.filter(order=parent, state=FeedState.GOING).update(next_run_at=NOW)
        schedules.run_due(now=NOW)
    return runs(parent)


def told(word: OrderWord | None = OrderWord.IN_PROGRESS, **fields: Any) -> UpstreamStatus:
    """Return what a provider tells of an order."""
    empty: dict[str, Any] = {"start_count": None, "remains": None, "cost_e8": None}
    return UpstreamStatus(word=word, **(empty | fields))


def serve(parent: Order, *upstream_ids: str, now: datetime = NOW) -> list[Order]:
    """Let the provider of a subscription tell of its posts; return those that are ours."""
    subscriptions.follow(parent=parent, answer=told(children=upstream_ids), told={}, now=now)
    return list(Order.objects.filter(parent=parent).order_by("run"))


def again(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def asked(order: Order, **columns: Any) -> CancelRequest:
    return CancelRequest.objects.create(order=order, **{"asked_at": NOW, "due_at": NOW, **columns})


def reasons(order: Order) -> list[str]:
    """Return what the order's timeline says after its placing."""
    events = OrderEvent.objects.filter(order=order).exclude(reason="placed").order_by("pk")
    return list(events.values_list("reason", flat=True))


def balance(user: User | None = None) -> str:
    return money.text(book.balance((user or alice()).pk))


def books_agree() -> bool:
    return orders_audit.prove() == [] and ledger_audit.prove() == []


@contextmanager
def written() -> Iterator[list[int]]:
    """Collect how many rows each writing statement changed."""
    rows: list[int] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            rows.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(watch):
        yield rows


@contextmanager
def touched() -> Iterator[list[str]]:
    """Collect, in their order, what is locked or written: "account", "order", "drip_feed"."""
    names = {"ledger_account": "account", "orders_order": "order", "orders_dripfeed": "drip_feed"}
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        for table, name in names.items():
            writes = sql.startswith((f'UPDATE "{table}"', f'INSERT INTO "{table}"'))
            locks = sql.startswith("SELECT") and f'FROM "{table}"' in sql and " FOR " in sql
            # SQLite has no word for a lock; the balances are read for no other reason.
            reads = name == "account" and f'FROM "{table}"' in sql
            if (writes or locks or reads) and seen[-1:] != [name]:
                seen.append(name)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


@contextmanager
def meanwhile(act: Callable[[], object], *, before: str) -> Iterator[None]:
    """Let `act` happen right before the first statement that names the table `before`."""
    happened = False

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal happened
        if not happened and before in sql:
            happened = True
            act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield
    assert happened


def elsewhere(act: Callable[[], T]) -> T:
    """Return what `act` returns on another connection, which waits for no lock for long."""

    def go() -> T:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            return act()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(go).result()


def at_once(threads: int, act: Callable[[int], T]) -> Sequence[T]:
    """Return what `threads` threads get that call `act` in the same moment."""
    gate = Barrier(threads, timeout=30)

    def go(number: int) -> T:
        gate.wait()
        return act(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(go, range(threads)))
