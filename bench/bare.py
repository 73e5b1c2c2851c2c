"""What the machine gives a WSGI function at best: `python -m bench.bare --port 8001`.

The panel's own server, with its settings, around functions that do next to nothing:

    /balance    fixed bytes, as many as a balance takes
    /services   the bytes of the file that BENCH_BYTES names
    /one        one row looked up by primary key, prepared, encoded by msgspec
    /hundred    a hundred rows likewise
    /order      an order, on PostgreSQL alone: see bare_till.py

The rows are orders of DATABASE_URL.  Nobody is asked who they are, and no form is read but an
order's.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import msgspec
import psycopg

from relaypanel import processes

_COLUMNS: Final = "id, charge_e8, start_count, status, remains"
# How many different hundreds are asked for: together far more than the callers of a load know.
_HUNDREDS: Final = 2_000
_OF_A_THREAD: Final = threading.local()
_BALANCE: Final = b'{"balance":"100.84292","currency":"USD"}'


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bare")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args(arguments)
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relaypanel.settings")
    django.setup()
    from relaypanel.management.commands import web

    web.serve(application, address="127.0.0.1", port=told.port, workers=told.workers)


def application(parent_pid: int) -> WSGIApplication:
    """Return what answers, in a process that is a child of `parent_pid`."""
    processes.end_with_parent(parent_pid)
    # It reads models, which exist once Django is set up.
    from bench import bare_till

    url = os.environ["DATABASE_URL"]
    first, last = _looked_up(url)("SELECT min(id), max(id) FROM orders_order", ())[0]
    ids = range(first, last + 1)
    # Anywhere in the table, in no order, as the orders of a user lie: neighbours share pages.
    hundreds = [random.sample(ids, 100) for _ in range(_HUNDREDS)]
    listed = Path(os.environ["BENCH_BYTES"]).read_bytes()
    ask = _looked_up(url)
    mark = "?" if url.startswith("sqlite") else "%s"
    one = f"SELECT {_COLUMNS} FROM orders_order WHERE id = {mark}"
    hundred = (
        f"SELECT {_COLUMNS} FROM orders_order WHERE id IN ({', '.join('?' * 100)})"
        if url.startswith("sqlite")
        else f"SELECT {_COLUMNS} FROM orders_order WHERE id = ANY(%s)"
    )

    def _one() -> bytes:
        (row,) = ask(one, (random.choice(ids),))
        return msgspec.json.encode(_reply(row))

    def _hundred() -> bytes:
        asked = random.choice(hundreds)
        rows = ask(hundred, asked if url.startswith("sqlite") else (asked,))
        return msgspec.json.encode({str(row[0]): _reply(row) for row in rows})

    return _answering(
        {
            "/balance": lambda _: _BALANCE,
            "/services": lambda _: listed,
            "/one": lambda _: _one(),
            "/hundred": lambda _: _hundred(),
            **({} if url.startswith("sqlite") else {"/order": bare_till.answering(url)}),
        }
    )


def _answering(pages: dict[str, Callable[[WSGIEnvironment], bytes]]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        reply = pages[environ["PATH_INFO"]](environ)
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/json; charset=utf-8"),
                ("Content-Length", str(len(reply))),
            ],
        )
        return [reply]

    return answer


def _reply(row: Sequence[Any]) -> dict[str, str]:
    return {
        "charge": str(row[1]),
        "start_count": str(row[2]),
        "status": "Completed",
        "remains": str(row[4]),
        "currency": "USD",
    }


def _looked_up(url: str) -> Callable[[str, Sequence[Any]], list[Any]]:
    """Return what runs a prepared look-up on the thread's own connection."""

    def ask_sqlite(statement: str, values: Sequence[Any]) -> list[Any]:
        if not hasattr(_OF_A_THREAD, "connection"):
            _OF_A_THREAD.connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        return list(_OF_A_THREAD.connection.execute(statement, values))

    def ask_postgresql(statement: str, values: Sequence[Any]) -> list[Any]:
        if not hasattr(_OF_A_THREAD, "connection"):
            _OF_A_THREAD.connection = psycopg.connect(url, autocommit=True)
        connection: psycopg.Connection[Any] = _OF_A_THREAD.connection
        return connection.execute(statement.encode(), values, prepare=True).fetchall()

    return ask_sqlite if url.startswith("sqlite") else ask_postgresql


if __name__ == "__main__":
    main(sys.argv[1:])
