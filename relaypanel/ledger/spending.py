"""What a customer's orders were charged, day by day, out of one index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from django.db import connection

from relaypanel.ledger import chart
from relaypanel.ledger.models import Code

# The days come first: for each, the index is read from its beginning to its end.  "> 0" says which
# part of the table the index is of.
_CHARGED: Final = """
    WITH days(number, since, until) AS (VALUES {days})
    SELECT days.number, COUNT(t.amount_e8), SUM(t.amount_e8)
      FROM days CROSS JOIN ledger_transfer AS t
     WHERE t.debit_id = %s AND t.debit_id > 0 AND t.code = %s
       AND t.created_at >= days.since AND t.created_at < days.until
     GROUP BY days.number
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """How many charges there were, and what they came to."""

    charges: int = 0
    amount_e8: int = 0


def by_day(*, user_id: int, midnights: Sequence[datetime]) -> list[Day]:
    """Return what was charged between each midnight and the next, refunds aside."""
    parameters: list[Any] = []
    for number, (since, until) in enumerate(pairwise(midnights)):
        adapt = connection.ops.adapt_datetimefield_value
        parameters += [number, adapt(since), adapt(until)]
    days = len(midnights) - 1
    # Only marks for parameters are put into the text.
    statement = _CHARGED.format(days=", ".join(["(%s, %s, %s)"] * days))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, chart.customer(user_id), Code.ORDER_CHARGE.value])
        found = {number: (count, total) for number, count, total in cursor.fetchall()}
    charged = (found.get(number, (0, 0)) for number in range(days))
    return [Day(charges=count, amount_e8=int(total)) for count, total in charged]
