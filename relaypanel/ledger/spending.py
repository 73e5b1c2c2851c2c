"""What a customer's orders were charged, day by day, out of one index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from django.db import connection

from relaypanel import prepared
from relaypanel.ledger import chart
from relaypanel.ledger.models import Code

# The days come first: for each, the index is read from its beginning to its end.  "> 0" says which
# part of the table the index is of.
_WHERE: Final = "t.debit_id = $1 AND t.debit_id > 0 AND t.code = $2"
_CHARGED: Final = prepared.Statement(
    f"""
    SELECT day.key, COUNT(t.amount_e8), SUM(t.amount_e8)
      FROM json_each($3) AS day CROSS JOIN ledger_transfer AS t
     WHERE {_WHERE} AND t.created_at >= json_extract(day.value, '$[0]')
       AND t.created_at < json_extract(day.value, '$[1]')
     GROUP BY day.key
    """  # noqa: S608  # nosec B608
    if prepared.is_sqlite()
    else f"""
    SELECT day.number - 1, charged.*
      FROM json_array_elements($3::json) WITH ORDINALITY AS day(bounds, number)
           CROSS JOIN LATERAL (
             SELECT COUNT(*), SUM(t.amount_e8) FROM ledger_transfer AS t
              WHERE {_WHERE} AND t.created_at >= (day.bounds ->> 0)::timestamptz
                AND t.created_at < (day.bounds ->> 1)::timestamptz
           ) AS charged
     WHERE charged.count > 0
    """  # noqa: S608  # nosec B608
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """How many charges there were, and what they came to."""

    charges: int = 0
    amount_e8: int = 0


def by_day(*, user_id: int, midnights: Sequence[datetime]) -> list[Day]:
    """Return what was charged between each midnight and the next, refunds aside."""
    texts = [_written(at) for at in midnights]
    bounds = json.dumps(list(pairwise(texts)))
    rows = _CHARGED.rows(chart.customer(user_id), Code.ORDER_CHARGE.value, bounds)
    found = {number: (count, total) for number, count, total in rows}
    charged = (found.get(number, (0, 0)) for number in range(len(midnights) - 1))
    return [Day(charges=count, amount_e8=int(total)) for count, total in charged]


def _written(at: datetime) -> str:
    """Return a moment as the columns of the database hold it, for a text of many."""
    return str(connection.ops.adapt_datetimefield_value(at))
