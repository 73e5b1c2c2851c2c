"""Proves that every order and the ledger tell the same story."""

from __future__ import annotations

from typing import Final

from django.db import connection

from relaypanel.ledger.audit import Difference
from relaypanel.orders.models import Order

# A run of a drip-feed has no charge of its own: its parent has paid.
_CHARGES: Final = """
    SELECT * FROM (
        SELECT o.id,
               CASE WHEN parent.id IS NULL OR parent.type = 'Subscriptions'
                    THEN o.charge_e8 ELSE 0 END AS says,
               COALESCE(t.amount_e8, 0) AS moved
          FROM orders_order o
          LEFT JOIN orders_order parent ON parent.id = o.parent_id
          LEFT JOIN ledger_transfer t ON t.key = 'order:' || o.id || ':charge'
                AND t.debit_id = o.user_id AND t.code = 'order_charge'
    ) story WHERE says <> moved
"""

# What a drip-feed says includes what its runs gave back.
_REFUNDS: Final = """
    SELECT * FROM (
        SELECT o.id,
               o.refunded_e8 AS says,
               COALESCE(t.amount_e8, 0) + COALESCE(runs.refunded_e8, 0) AS moved
          FROM orders_order o
          LEFT JOIN ledger_transfer t ON t.key = 'order:' || o.id || ':refund'
                AND t.credit_id = o.user_id AND t.code = 'order_refund'
          LEFT JOIN (
              SELECT parent_id, CAST(SUM(refunded_e8) AS bigint) AS refunded_e8
                FROM orders_order
               WHERE parent_id IS NOT NULL AND type <> 'Subscriptions'
               GROUP BY parent_id
          ) runs ON runs.parent_id = o.id
    ) story WHERE says <> moved
"""

# A transfer that no order accounts for: none has the number in its key, or the key, the code and
# the customer do not belong together.  The number finds the order by its primary key, and 18
# digits always fit; PostgreSQL refuses to cast anything else.
_STRAYS: Final = """
    SELECT t.key, t.amount_e8
      FROM (
          SELECT key, amount_e8, debit_id, credit_id, code,
                 REPLACE(REPLACE(REPLACE(
                     key, 'order:', ''), ':charge', ''), ':refund', '') AS number
            FROM ledger_transfer
           WHERE code IN ('order_charge', 'order_refund')
      ) t
      LEFT JOIN orders_order o
             ON o.id = CASE WHEN TRIM(t.number, '0123456789') = ''
                             AND LENGTH(t.number) BETWEEN 1 AND 18
                            THEN CAST(t.number AS bigint) END
            AND t.key = 'order:' || o.id
                     || CASE t.code WHEN 'order_charge' THEN ':charge' ELSE ':refund' END
            AND o.user_id = CASE t.code WHEN 'order_charge' THEN t.debit_id ELSE t.credit_id END
     WHERE o.id IS NULL
"""


def prove() -> list[Difference]:
    """Return each order whose charge or refund is not what its transfers moved."""
    return [
        *_differences(_CHARGES, "the charge of order"),
        *_differences(_REFUNDS, "the refund of order"),
        *_strays(),
    ]


def counts() -> dict[str, int]:
    """Return how many of what `prove` looks at."""
    return {"orders": Order.objects.count()}


def _differences(query: str, subject: str) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [
            Difference(subject=f"{subject} {order_id}", says_e8=says, transfers_e8=moved)
            for order_id, says, moved in cursor
        ]


def _strays() -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(_STRAYS)
        return [
            Difference(subject=f"the order of transfer {key}", says_e8=0, transfers_e8=amount_e8)
            for key, amount_e8 in cursor
        ]
