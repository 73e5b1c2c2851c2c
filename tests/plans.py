"""How the database would answer a query."""

from __future__ import annotations

from django.db import connection


def plan(statement: str, *values: int | str | bytes) -> str:
    """Return the plan, by indexes wherever there is one that can be used."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", values)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(str(row) for row in cursor)
