"""Proves that every top-up and every affiliate's share is in the ledger once, and nothing else."""

from __future__ import annotations

from typing import Final

from django.db import connection

from relaypanel.ledger.audit import Difference
from relaypanel.payments.models import Earning, TopUp

_DEPOSITS: Final = """
    SELECT * FROM (
        SELECT u.id, CASE u.state WHEN 'confirmed' THEN u.amount_e8 ELSE 0 END AS says,
               COALESCE(t.amount_e8, 0) AS moved
          FROM payments_topup u
          LEFT JOIN ledger_transfer t ON t.key = 'topup:' || u.id
                AND t.credit_id = u.user_id AND t.code = 'deposit'
    ) story WHERE says <> moved
"""
_BONUSES: Final = """
    SELECT * FROM (
        SELECT u.id, CASE u.state WHEN 'confirmed' THEN u.bonus_e8 ELSE 0 END AS says,
               COALESCE(t.amount_e8, 0) AS moved
          FROM payments_topup u
          LEFT JOIN ledger_transfer t ON t.key = 'topup:' || u.id || ':bonus'
                AND t.credit_id = u.user_id AND t.code = 'bonus'
    ) story WHERE says <> moved
"""
# Held against the sum and the terms it was paid by, not against itself.
_SHARES: Final = """
    SELECT * FROM (
        SELECT e.key, e.amount_e8 AS says, COALESCE(t.amount_e8, 0) AS moved,
               e.base_e8 / 10000 * e.share_bp + e.base_e8 % 10000 * e.share_bp / 10000 AS due
          FROM payments_earning e
          JOIN payments_referral r ON r.user_id = e.referral_id
          LEFT JOIN ledger_transfer t ON t.key = e.key
                AND t.credit_id = r.affiliate_id AND t.code = 'affiliate'
    ) story WHERE says <> moved OR says <> due
"""
# A deposit or a bonus that says it is a top-up's, and is none's.  18 digits always fit.
_STRAYS: Final = """
    SELECT t.key, t.amount_e8
      FROM (
          SELECT key, amount_e8, credit_id, code,
                 REPLACE(REPLACE(key, 'topup:', ''), ':bonus', '') AS number
            FROM ledger_transfer
           WHERE code = 'bonus' OR (code = 'deposit' AND key LIKE 'topup:%%')
      ) t
      LEFT JOIN payments_topup u
             ON u.id = CASE WHEN TRIM(t.number, '0123456789') = ''
                             AND LENGTH(t.number) BETWEEN 1 AND 18
                            THEN CAST(t.number AS bigint) END
            AND t.key = 'topup:' || u.id || CASE t.code WHEN 'bonus' THEN ':bonus' ELSE '' END
            AND u.user_id = t.credit_id
     WHERE u.id IS NULL
    UNION ALL
    SELECT t.key, t.amount_e8
      FROM ledger_transfer t
      LEFT JOIN payments_earning e ON e.key = t.key
     WHERE t.code = 'affiliate' AND e.id IS NULL
"""


def prove() -> list[Difference]:
    """Return each top-up, bonus and share that is not what its transfer moved."""
    return [
        *_differences(_DEPOSITS, "the top-up"),
        *_differences(_BONUSES, "the bonus of top-up"),
        *_differences(_SHARES, "the share"),
        *_strays(),
    ]


def counts() -> dict[str, int]:
    """Return how many of what `prove` looks at."""
    return {"top-ups": TopUp.objects.count(), "affiliates' shares": Earning.objects.count()}


def _differences(query: str, subject: str) -> list[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [
            Difference(subject=f"{subject} {name}", says_e8=says, transfers_e8=moved)
            for name, says, moved, *_ in cursor
        ]


def _strays() -> list[Difference]:
    with connection.cursor() as cursor:
        # With an empty list of parameters, so that both databases read %% as one sign.
        cursor.execute(_STRAYS, [])
        return [
            Difference(subject=f"the payment of transfer {key}", says_e8=0, transfers_e8=amount_e8)
            for key, amount_e8 in cursor
        ]
