"""Statements that the database prepares once on each connection: for what is asked all the time.

They run on Django's own connection, within its transaction if there is one, and raise its errors.
PostgreSQL is asked through libpq itself: the layers above it take longer than a look-up does.
What needs no answer of each other goes to it in one journey: see `together`.
"""

from __future__ import annotations

import json
import re
import select
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec
from django.db import connections, models
from django.db.models.fields import NOT_PROVIDED

from relaypanel import database

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGresult

# What a statement may be given.  A list is of whole numbers.
Value = int | str | bytes | datetime | Sequence[int] | None

# Where a connection carries its _Session.  Not the thread: others may use the connection later,
# and what is prepared stays prepared on it.
_SESSION: Final = "relaypanel_session"
_NUMBERS: Final = count(1)
_PLACE: Final = re.compile(r"\$(\d+)")
# How soon PostgreSQL is offered again what it did not take at once.
_POLL_MS: Final = 5


@cache
def is_sqlite() -> bool:
    return connections["default"].vendor == "sqlite"


def among(place: str) -> str:
    """Return SQL that is true of a whole number in the list at `place`, like "$2"."""
    if is_sqlite():
        return f"IN (SELECT value FROM json_each({place}))"  # nosec B608
    return f"= ANY({place}::bigint[])"


class Statement:
    """A statement with values at $1, $2, …"""

    def __init__(self, sql: str) -> None:
        sql = sql.strip()
        self._sql = re.sub(r"\$(\d+)", r"?\1", sql) if is_sqlite() else sql
        self._name = f"relaypanel_{next(_NUMBERS)}".encode()
        self._django_sql = _PLACE.sub("%s", sql.replace("%", "%%"))
        self._places = [int(place) - 1 for place in _PLACE.findall(sql)]

    def ask(self, *values: Value) -> Ask:
        """Return what `together` runs."""
        return self, values

    def rows(self, *values: Value) -> list[tuple[Any, ...]]:
        """Return what it finds."""
        connection = _opened()
        if connection.queries_logged or connection.execute_wrappers:
            with connection.cursor() as cursor:
                self._watched(cursor, values)
                return cursor.fetchall() if cursor.description else []
        try:
            if connection.vendor == "sqlite":
                found: list[tuple[Any, ...]] = connection.connection.execute(
                    self._sql, _plain(values)
                ).fetchall()
                return found
            return self._rows_postgresql(connection.connection, values)
        except connection.Database.Error:
            with connection.wrap_database_errors:
                raise

    def new_id(self, *values: Any) -> int:
        """Insert one row into SQLite and return its ID."""
        connection = _opened()
        if connection.queries_logged or connection.execute_wrappers:
            with connection.cursor() as cursor:
                self._watched(cursor, values)
                return int(cursor.lastrowid)
        try:
            return int(connection.connection.execute(self._sql, _plain(values)).lastrowid)
        except connection.Database.Error:
            with connection.wrap_database_errors:
                raise

    def _watched(self, cursor: Any, values: Sequence[Any]) -> None:
        """Run it by way of Django, for somebody who looks at all queries."""
        if is_sqlite():
            values = _plain(values)
        cursor.execute(self._django_sql, [values[place] for place in self._places])

    def _rows_postgresql(
        self, raw: psycopg.Connection[Any], values: Sequence[Value]
    ) -> list[tuple[Any, ...]]:
        session = _session(raw)
        if session.must_begin(raw):
            session.checked(raw.pgconn.exec_(b"BEGIN"))
        self.prepare(raw, session)
        texts: Any = [_text(value) for value in values]
        result = session.checked(raw.pgconn.exec_prepared(self._name, texts))
        return session.read(result)

    def prepare(self, raw: psycopg.Connection[Any], session: _Session) -> None:
        if self._name not in session.prepared:
            session.checked(raw.pgconn.prepare(self._name, self._sql.encode()))
            session.prepared.add(self._name)

    def send(self, raw: psycopg.Connection[Any], values: Sequence[Value]) -> None:
        texts: Any = [_text(value) for value in values]
        raw.pgconn.send_query_prepared(self._name, texts)


# A statement with its values.
Ask = tuple[Statement, Sequence[Any]]


def together(*asks: Ask) -> list[list[tuple[Any, ...]]]:
    """Run statements one after the other in the caller's transaction; return what each finds.

    They travel to PostgreSQL together, because a journey takes longer than most of them.  When
    one fails, those behind it are not run.
    """
    connection = _opened()
    assert connection.in_atomic_block
    if not asks:
        return []
    if is_sqlite() or connection.queries_logged or connection.execute_wrappers:
        return [statement.rows(*values) for statement, values in asks]
    try:
        return _journey(connection.connection, asks)
    except connection.Database.Error:
        with connection.wrap_database_errors:
            raise


def _journey(raw: psycopg.Connection[Any], asks: Sequence[Ask]) -> list[list[tuple[Any, ...]]]:
    session = _session(raw)
    for statement, _ in asks:
        statement.prepare(raw, session)
    begins = session.must_begin(raw)
    try:
        raw.pgconn.enter_pipeline_mode()
        if begins:
            raw.pgconn.send_query_params(b"BEGIN", None)
        for statement, values in asks:
            statement.send(raw, values)
        results = session.fetch(raw)
        raw.pgconn.exit_pipeline_mode()
    except BaseException:
        # What is still on its way would be taken for the answer to something else.
        raw.close()
        raise
    for result in results:
        session.checked(result)
    return [session.read(result) for result in results[begins:]]


class Insert:
    """Rows of a model: the columns that are told, the others as the model has them."""

    def __init__(self, model: type[models.Model], *told: str) -> None:
        self._model = model
        self._told = told

    def write(self, rows: Sequence[Sequence[Any]]) -> list[int]:
        """Write the rows, values in the order of the columns told; return their IDs in order."""
        if not rows:
            return []
        if is_sqlite():
            one = self._one
            return [one.new_id(*row) for row in rows]
        ((statement, values),) = self.asks(rows)
        return [row[0] for row in statement.rows(*values)]

    def asks(self, rows: Sequence[Sequence[Any]]) -> list[Ask]:
        """Return what writes the rows when `together` runs it."""
        if not rows:
            return []
        if is_sqlite():
            return [self._one.ask(*row) for row in rows]
        assert {len(row) for row in rows} == {len(self._told)}
        told = [self._row(*row) for row in rows]
        for name in self._binary:
            for row in told:
                if (value := getattr(row, name)) is not None:
                    setattr(row, name, f"\\x{value.hex()}")
        return [self._many.ask(msgspec.json.encode(told).decode())]

    @cached_property
    def _row(self) -> type[msgspec.Struct]:
        """A row as JSON, without what is NULL."""
        columns = [(name, Any, None) for name in self._told]
        return msgspec.defstruct("Row", columns, omit_defaults=True)

    @cached_property
    def _one(self) -> Statement:
        places = [f"${number}" for number in range(1, len(self._told) + 1)]
        values = ", ".join([*places, *self._rest.values()])
        return Statement(f"{self._head} VALUES ({values})")

    @cached_property
    def _many(self) -> Statement:
        fields = {field.column: field for field in self._model._meta.concrete_fields}
        connection = connections["default"]
        types = ", ".join(f"{name} {fields[name].db_type(connection)}" for name in self._told)
        values = ", ".join([*self._told, *self._rest.values()])
        return Statement(
            f"{self._head} SELECT {values} FROM json_to_recordset($1::json) AS it({types})"
            f" RETURNING {self._model._meta.pk.column}"  # nosec B608
        )

    @cached_property
    def _binary(self) -> list[str]:
        """The columns of bytes, which JSON cannot hold."""
        kinds = {field.column: type(field) for field in self._model._meta.concrete_fields}
        return [name for name in self._told if issubclass(kinds[name], models.BinaryField)]

    @property
    def _head(self) -> str:
        columns = ", ".join([*self._told, *self._rest])
        return f'INSERT INTO "{self._model._meta.db_table}" ({columns})'

    @cached_property
    def _rest(self) -> dict[str, str]:
        """SQL for each column that nobody tells."""
        return {
            str(field.column): _default(field)
            for field in self._model._meta.concrete_fields
            if field.column not in self._told and not field.primary_key
        }


class _Session:
    """What one connection to PostgreSQL has prepared, and what reads its results."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        from psycopg import errors, pq
        from psycopg.adapt import Transformer

        self._pq = pq
        self.prepared: set[bytes] = set()
        # The same plan for all values: making one takes longer than any of these look-ups.
        raw.pgconn.exec_(b"SET plan_cache_mode = force_generic_plan")
        self._errors = errors
        # psycopg's own readers: Django's, which are written in Python, are ten times slower.
        self._transformer = Transformer()
        self._sound = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
        self._poll = select.poll()
        self._poll.register(raw.pgconn.socket, select.POLLIN)

    def must_begin(self, raw: psycopg.Connection[Any]) -> bool:
        """Whether a transaction is to begin, as psycopg begins it with the first statement."""
        return not raw.autocommit and (
            raw.pgconn.transaction_status == self._pq.TransactionStatus.IDLE
        )

    def fetch(self, raw: psycopg.Connection[Any]) -> list[PGresult]:
        """Return the results of what was sent in a pipeline, of each statement one."""
        pgconn = raw.pgconn
        pgconn.pipeline_sync()
        while pgconn.flush():
            # It takes no more before somebody reads what it has answered.
            self._poll.poll(_POLL_MS)
            pgconn.consume_input()
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                # Python's other threads run meanwhile, which they would not within libpq.
                self._poll.poll()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                if pgconn.status == self._pq.ConnStatus.BAD:
                    raise self._lost()
                continue
            if result.status == self._pq.ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)

    def checked(self, result: PGresult) -> PGresult:
        if result.status in self._sound:
            return result
        if not result.error_field(self._pq.DiagnosticField.SQLSTATE):
            # No server said this, but libpq itself: the connection is lost.
            raise self._lost()
        raise self._errors.error_from_result(result, encoding="utf-8")

    def _lost(self) -> Exception:
        return self._errors.OperationalError("the connection to the database is lost")

    def read(self, result: PGresult) -> list[tuple[Any, ...]]:
        if not result.ntuples:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)


def _opened() -> Any:
    connection = database.of_thread()
    if connection.connection is None:
        connection.ensure_connection()
    return connection


def _session(raw: psycopg.Connection[Any]) -> _Session:
    session: _Session | None = vars(raw).get(_SESSION)
    if session is None:
        session = vars(raw)[_SESSION] = _Session(raw)
    return session


def _text(value: Value) -> bytes | None:
    """Return a value as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, datetime):
        return value.isoformat().encode()
    return f"{{{','.join(map(str, value))}}}".encode()


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return values as SQLite keeps them, which is as Django writes them there."""
    return [
        str(value.astimezone(UTC).replace(tzinfo=None))
        if isinstance(value, datetime)
        else json.dumps(value)
        if isinstance(value, dict | list | tuple)
        else value
        for value in values
    ]


def _default(field: Any) -> str:
    """Return SQL for what a new row has in this column when nothing is told."""
    default = None if field.default is NOT_PROVIDED else field.get_default()
    if default is None:
        return "NULL"
    if isinstance(default, bool):
        return str(default).upper()
    if isinstance(default, int):
        return str(default)
    text = json.dumps(default) if isinstance(default, dict) else str(default)
    assert "'" not in text
    return f"'{text}'"
