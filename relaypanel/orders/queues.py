"""How many orders wait or run at each provider, and for how long the oldest has waited.

Each count reads a partial index, so that it costs as much as there is waiting or running, and
not as much as there ever was.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Min

from relaypanel.orders.models import Order, Status

# In literals, because SQLite compares the text of an index's condition with that of the query,
# and a list of variables has none.
_COUNTS: Final = """
    SELECT provider_id, 'queued' AS state, COUNT(*)
      FROM orders_order WHERE status = 'queued' GROUP BY provider_id
    UNION ALL SELECT provider_id, 'sending', COUNT(*)
      FROM orders_order WHERE status = 'sending' GROUP BY provider_id
    UNION ALL SELECT provider_id, status, COUNT(*)
      FROM orders_order WHERE status IN ('unconfirmed', 'held') GROUP BY provider_id, status
    UNION ALL SELECT provider_id, 'active', COUNT(*)
      FROM orders_order WHERE status IN ('pending', 'processing', 'in_progress')
     GROUP BY provider_id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Orders that have not ended; `active` are those that upstream works on."""

    queued: int = 0
    sending: int = 0
    unconfirmed: int = 0
    held: int = 0
    active: int = 0


NONE: Final = Counts()


def counts() -> dict[int | None, Counts]:
    """Return the counts by provider, None for orders that staff deliver; without any, absent."""
    found: defaultdict[int | None, Counts] = defaultdict(Counts)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        for provider_id, state, orders in cursor:
            found[provider_id] = replace(found[provider_id], **{state: orders})
    return dict(found)


def oldest(*, now: datetime) -> dict[int | None, datetime]:
    """Return since when the order has been due that waits longest to be sent, by provider."""
    rows = Order.objects.filter(status=Status.QUEUED, due_at__lte=now).values_list("provider")
    return dict(rows.order_by().annotate(at=Min("due_at")))
