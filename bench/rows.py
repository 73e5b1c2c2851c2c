"""Users, orders, events and movements by the million, made in the database itself.

The same SQL runs on PostgreSQL and SQLite.  Everything follows from an order's number: who bought
it, what it cost and how it ended.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import chart
from relaypanel.ledger.models import Account, Transfer
from relaypanel.orders.models import Order, OrderEvent

# Half of all orders are bought by this many users: a few resellers buy most.
HEAVY: Final = 100
# The last orders still run, a tenth of all at the most.
RUNNING_MAX: Final = 50_000
# IDs of their orders that a caller is told to ask about.
KNOWN_ORDERS: Final = 200
DEPOSIT_E8: Final = 10**7 * money.ONE_E8
CHUNK: Final = 50_000
# Connections that fill PostgreSQL at once; SQLite has one writer.
WRITERS: Final = 3
# With fewer orders, indexes are kept up as fast as they are made anew.
INDEXES_MATTER: Final = 200_000
_LARGE: Final = ("orders_order", "orders_orderevent", "ledger_transfer")
# Their rows are given IDs here, in place of the database.
_NUMBERED: Final = ("accounts_user", "orders_order")


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """`own` of the orders are the first user's alone; `callers` users get an API key."""

    orders: int
    users: int
    services: int
    callers: int = 1
    own: int = 0

    @property
    def events(self) -> int:
        return self.orders * len(_STEPS)

    @property
    def heavy(self) -> int:
        return min(HEAVY, self.users)

    @property
    def ended(self) -> int:
        return self.orders - min(RUNNING_MAX, self.orders // 10)

    def known_orders(self, buyer: int) -> list[int]:
        """Return numbers of some orders that this buyer, counted from 0, has: see _FACTS."""
        bought = [range(2 * buyer or 2 * self.users, self.orders + 1, 2 * self.users)]
        if buyer < self.heavy:
            bought.append(range(2 * buyer + 1, self.orders + 1, 2 * self.heavy))
        if buyer == 0:
            bought.append(range(1, self.own + 1))
        some = {n for part in bought for n in random.sample(part, min(len(part), KNOWN_ORDERS))}
        mine = [n for n in sorted(some) if n > self.own or buyer == 0]
        return random.sample(mine, min(len(mine), KNOWN_ORDERS))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Where the new rows begin: a row's ID is its number, counted from 1, on top of these."""

    users: int
    orders: int
    services: int
    upstream_services: int
    provider: int
    # Seconds since 1970; the oldest order is a year older.
    now: int


_NUMBERS: Final = """
    WITH RECURSIVE numbers(n) AS (
        SELECT CAST({first} AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}
    )
"""

# What follows from an order's number.  Its charge is even, so that half of it is whole.
_FACTS: Final = (
    _NUMBERS
    + """,
    facts AS (
        SELECT n,
               {orders} + n AS id,
               {users} + 1 + CASE WHEN n <= {own} THEN 0
                                  WHEN n % 2 = 1 THEN (n / 2) % {heavy}
                                  ELSE (n / 2) % {buyers} END AS user_id,
               n % {offers} AS offer,
               (1 + n % 500) * 1000000 AS charge_e8,
               CASE WHEN n > {ended} THEN 'in_progress'
                    WHEN n % 20 = 0 THEN 'canceled'
                    WHEN n % 20 = 1 THEN 'partial'
                    ELSE 'completed' END AS status,
               {now} - ({count} - n) * 31536000 / {count} AS placed
          FROM numbers
    )
"""
)
_REFUND: Final = (
    "CASE status WHEN 'canceled' THEN charge_e8 WHEN 'partial' THEN charge_e8 / 2 ELSE 0 END"
)

# From, to, reason, and seconds after the order was placed.
_STEPS: Final = (
    ("''", "'queued'", "placed", 0),
    ("'queued'", "'sending'", "sending", 2),
    ("'sending'", "'pending'", "accepted", 3),
    ("'pending'", "status", "upstream", 3600),
)

_SETTLE: Final = """
    UPDATE ledger_account SET balance_e8 = balance_e8 - bought.spent_e8
      FROM (SELECT user_id, CAST(SUM(charge_e8 - refunded_e8) AS bigint) AS spent_e8
              FROM orders_order WHERE id > {orders} GROUP BY user_id) AS bought
     WHERE ledger_account.id = bought.user_id
"""


def write(size: Size, ground: Ground) -> None:
    """Write users with money, and all that they bought."""
    places = asdict(ground) | {
        "count": size.orders,
        "buyers": size.users,
        "offers": size.services,
        "heavy": size.heavy,
        "ended": size.ended,
        "own": size.own,
    }
    _write_people(size.users, places)
    with _without_indexes(size):
        _write_trade(size.orders, places)
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE.format(**places))
    _count_on()


def _write_people(users: int, places: Mapping[str, Any]) -> None:
    user_id = "{users} + n"
    for model, columns in (
        (
            User,
            {"id": user_id, "username": f"'buyer-' || ({user_id})", "password": "'!'"}
            | {"joined_at": _moment("{now}")},
        ),
        (Account, {"id": user_id, "user_id": user_id, "balance_e8": str(DEPOSIT_E8)}),
        (
            Transfer,
            {"key": f"'bench:deposit:' || ({user_id})", "debit_id": str(chart.CASH)}
            | {"credit_id": user_id, "amount_e8": str(DEPOSIT_E8), "code": "'deposit'"}
            | {"created_at": _moment("{now}")},
        ),
    ):
        _insert(model, columns, f"{_NUMBERS} SELECT {{columns}} FROM numbers", users, places)


def _write_trade(orders: int, places: Mapping[str, Any]) -> None:
    from_facts = f"{_FACTS} SELECT {{columns}} FROM facts"
    _insert(Order, _order_columns(), from_facts, orders, places)
    charge = {
        "key": "'order:' || id || ':charge'",
        "debit_id": "user_id",
        "credit_id": str(chart.SALES),
        "amount_e8": "charge_e8",
        "code": "'order_charge'",
        "created_at": _moment("placed"),
    }
    refund = charge | {
        "key": "'order:' || id || ':refund'",
        "debit_id": str(chart.SALES),
        "credit_id": "user_id",
        "amount_e8": _REFUND,
        "code": "'order_refund'",
        "created_at": _moment("placed + 3600"),
    }
    _insert(Transfer, charge, from_facts, orders, places)
    _insert(
        Transfer, refund, f"{from_facts} WHERE status IN ('canceled', 'partial')", orders, places
    )
    steps = " UNION ALL ".join(
        f"SELECT {k} AS k, '{reason}' AS reason, {after} AS after"
        for k, (_, _, reason, after) in enumerate(_STEPS)
    )
    event = {
        "order_id": "id",
        "at": _moment("placed + after"),
        "from_status": _by_step(0),
        "to_status": _by_step(1),
        "reason": "reason",
    }
    _insert(
        OrderEvent,
        event,
        f"{_FACTS}, steps AS ({steps}) SELECT {{columns}} FROM facts CROSS JOIN steps",
        orders,
        places,
    )


def _order_columns() -> dict[str, str]:
    return {
        "id": "id",
        "user_id": "user_id",
        "service_id": "{services} + 1 + offer",
        "type": "'Default'",
        "link": "'https://example.com/p/' || n",
        "quantity": "1000",
        "rate_e8": "charge_e8",
        "rate_per": "1000",
        "charge_e8": "charge_e8",
        "refunded_e8": _REFUND,
        "placed_at": _moment("placed"),
        "status": "status",
        "start_count": "n * 7919 % 9000",
        "remains": "CASE status WHEN 'completed' THEN 0 WHEN 'canceled' THEN 1000 ELSE 500 END",
        "ended_at": f"CASE WHEN n <= {{ended}} THEN {_moment('placed + 3600')} END",
        "provider_id": "{provider}",
        "upstream_service_id": "{upstream_services} + 1 + offer",
        "upstream_id": "CAST(n AS text)",
        "cost_e8": "charge_e8 / 2",
        "due_at": _moment("placed"),
        "attempts": "1",
        "token": "1",
    }


def _by_step(part: int) -> str:
    cases = " ".join(f"WHEN {k} THEN {step[part]}" for k, step in enumerate(_STEPS))
    return f"CASE k {cases} END"


def _moment(seconds: str) -> str:
    if connection.vendor == "sqlite":
        return f"datetime({seconds}, 'unixepoch')"
    return f"to_timestamp({seconds})"


def _insert(
    model: type[models.Model],
    told: Mapping[str, str],
    select: str,
    count: int,
    places: Mapping[str, Any],
) -> None:
    """Insert the rows of numbers 1 to `count`; what is not told is as the model has it."""
    columns = {**_defaults(model), **told}
    if "id" not in told:
        columns.pop("id", None)
    statement = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) " + select.replace(
        "{columns}", ", ".join(columns.values())
    )
    chunks = [(first, min(first + CHUNK - 1, count)) for first in range(1, count + 1, CHUNK)]
    texts = [statement.format(first=first, last=last, **places) for first, last in chunks]
    if connection.vendor == "sqlite" or len(texts) == 1:
        for text in texts:
            _run(text)
        return
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(_run_apart, texts))


def _defaults(model: type[models.Model]) -> dict[str, str]:
    """Return SQL for each column of a new row that nobody told anything about."""
    return {str(field.column): _default(field) for field in model._meta.concrete_fields}


def _default(field: Any) -> str:
    if field.default is NOT_PROVIDED or (callable(field.default) and field.default is not dict):
        return "NULL" if field.null else "''"
    if field.default is dict:
        return "'{{}}'"
    if isinstance(field.default, str):
        return f"'{field.default}'"
    return "NULL" if field.default is None else str(field.default)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _run_apart(statement: str) -> None:
    """Run in a thread of its own, which has a connection of its own."""
    try:
        with connection.cursor() as cursor:
            # What is made here is true: no look at the other table for each of a million rows,
            # and no wait for the disk that a bench could lose anyway.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("SET synchronous_commit = off")
            cursor.execute(statement)
    finally:
        connection.close()


@contextmanager
def _without_indexes(size: Size) -> Iterator[None]:
    """Take PostgreSQL's plain indexes of the large tables away, and make them anew at the end."""
    if connection.vendor == "sqlite" or size.orders < INDEXES_MATTER:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = ANY(%s) AND indexdef LIKE 'CREATE INDEX%%'",
            [list(_LARGE)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '256MB'")
            for _, definition in indexes:
                cursor.execute(definition)


def _count_on() -> None:
    """Let the next order and user have the next number, and the planner know what is there."""
    if connection.vendor == "sqlite":
        _run("ANALYZE")
        return
    for table in _NUMBERED:
        _run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}")
    _run("VACUUM ANALYZE")
