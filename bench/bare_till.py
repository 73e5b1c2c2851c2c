"""The panel's till with nobody behind it: orders share a commit, and nobody is judged.

What `add` could be at best on this server.  The form is read, the accounts are locked and pay, the
orders are written, the movements, and what happened.  No key is looked at and no price, and all
orders are alike.  The statements are those of orders.py, for a whole batch at once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

from django.db import transaction

from bench import orders
from relaypanel import clock, prepared
from relaypanel.api_v2 import request, wire
from relaypanel.errors import Refused
from relaypanel.orders import place, till
from relaypanel.orders.place import OrderRequest
from relaypanel.prepared import Statement


class _Tables(NamedTuple):
    """What takes a batch, in this order; `first` is the ID of the first user."""

    first: int
    lock: Statement
    pay: Statement
    write: Statement
    move: Statement
    tell: Statement


def answering(url: str) -> Callable[[WSGIEnvironment], bytes]:
    """Return what places an order for one of so many users as the query says.

    Its `tables` are "least", those of orders.py, or "own", the panel's.
    """
    tables = {"least": _least(), "own": _own(url)}

    def ids(
        *,
        requests: Sequence[OrderRequest],
        now: datetime,  # noqa: ARG001
        late: Callable[[], Sequence[OrderRequest]] = tuple,
    ) -> list[int | Refused]:
        # One load comes at a time.
        (name,) = {request.fields["tables"] for request in requests}
        return list(_placed(tables[name], [request.user_id for request in requests], late))

    # In the panel's place.
    place.ids = ids

    def answer(environ: WSGIEnvironment) -> bytes:
        name, users = _asked(environ["QUERY_STRING"])
        fields = request.read(environ)
        order = OrderRequest(
            user_id=tables[name].first + random.randrange(users),
            service_id=int(fields["service"]),
            fields={**fields, "tables": name},
        )
        return wire.encode({"order": till.pay(order, now=clock.now())})

    return answer


@cache
def _asked(query: str) -> tuple[str, int]:
    asked = parse_qs(query)
    return asked["tables"][0], int(asked["users"][0])


def _placed(
    tables: _Tables, users: list[int], late: Callable[[], Sequence[OrderRequest]]
) -> list[int]:
    with transaction.atomic():
        times = Counter(users)
        prepared.together(tables.lock.ask(list(times)))
        more = [request.user_id for request in late()]
        users, times = users + more, times + Counter(more)
        paid, written = prepared.together(
            tables.pay.ask(list(times), list(times.values())), tables.write.ask(users)
        )
        assert len(paid) == len(times)
        ids = [row[0] for row in written]
        prepared.together(tables.move.ask(ids, users), tables.tell.ask(ids))
    return ids


def _locked(account: str) -> Statement:
    return Statement(
        f"SELECT id FROM {account} WHERE id = ANY($1::bigint[])"  # nosec B608
        " ORDER BY id FOR NO KEY UPDATE"
    )


def _paid(account: str, balance: str) -> Statement:
    return Statement(
        f"UPDATE {account} SET {balance} = {balance} - 100 * bought.times"  # nosec B608
        " FROM unnest($1::bigint[], $2::bigint[]) AS bought(id, times)"
        f" WHERE {account}.id = bought.id AND {balance} >= 100 * bought.times"
        f" RETURNING {account}.id"
    )


def _least() -> _Tables:
    return _Tables(
        first=1,
        lock=_locked("bench_account"),
        pay=_paid("bench_account", "balance"),
        write=Statement(
            "INSERT INTO bench_order"
            " (user_id, service_id, link, quantity, charge, status, placed_at)"
            " SELECT it, 7, 'https://example.com/p/1', 100, 100, 'queued', now()"
            " FROM unnest($1::bigint[]) AS it RETURNING id"
        ),
        move=Statement(
            "INSERT INTO bench_transfer (key, debit, credit, amount, at)"
            " SELECT 'charge of ' || id, user_id, -1, 100, now()"
            " FROM unnest($1::bigint[], $2::bigint[]) AS it(id, user_id)"
        ),
        tell=Statement(
            "INSERT INTO bench_event (order_id, reason, at)"
            " SELECT it, 'placed', now() FROM unnest($1::bigint[]) AS it"
        ),
    )


def _own(url: str) -> _Tables:
    values = orders.a_new_order(url, user="it")
    return _Tables(
        first=orders.first_customer(url),
        lock=_locked("ledger_account"),
        pay=_paid("ledger_account", "balance_e8"),
        write=Statement(
            f"INSERT INTO orders_order ({', '.join(values)})"  # nosec B608
            f" SELECT {', '.join(values.values())} FROM unnest($1::bigint[]) AS it RETURNING id"
        ),
        move=Statement(
            "INSERT INTO ledger_transfer"
            " (key, debit_id, credit_id, amount_e8, code, reason, created_at)"
            " SELECT 'order:' || id || ':charge', user_id, -1, 100, 'order_charge', '', now()"
            " FROM unnest($1::bigint[], $2::bigint[]) AS it(id, user_id)"
        ),
        tell=Statement(
            "INSERT INTO orders_orderevent"
            " (order_id, at, from_status, to_status, reason, detail)"
            " SELECT it, now(), '', 'queued', 'placed', '' FROM unnest($1::bigint[]) AS it"
        ),
    )
