"""Proves that every balance is the sum of its transfers.

The audit reads in one statement: a busy panel gives it one moment's picture, and on SQLite
it never holds the lock that writers need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

from relaypanel import money
from relaypanel.ledger.models import Account, Transfer

_BILLION: Final = 10**9

# SQLite refuses a SUM past 2^63, which a few large transfers reach, so that billions and the
# rest below a billion are summed apart.  Both parts have room for 10^9 transfers.
_SUMS: Final = """
    SELECT ledger_account.id, ledger_account.balance_e8, side.billions, side.rest
    FROM ledger_account LEFT JOIN (
        SELECT account_id, SUM(billions) AS billions, SUM(rest) AS rest
        FROM (
            SELECT credit_id AS account_id,
                amount_e8 / 1000000000 AS billions, amount_e8 % 1000000000 AS rest
            FROM ledger_transfer
            UNION ALL
            SELECT debit_id, -(amount_e8 / 1000000000), -(amount_e8 % 1000000000)
            FROM ledger_transfer
        ) AS sides
        GROUP BY account_id
    ) AS side ON side.account_id = ledger_account.id
    ORDER BY ledger_account.id
"""


# What customers hold, less what their transfers with the houses have brought them: one pass over
# the table, and one moment's picture.
_DRIFT: Final = """
    SELECT
        (SELECT SUM(balance_e8 / 1000000000) FROM ledger_account),
        (SELECT SUM(balance_e8 % 1000000000) FROM ledger_account),
        SUM(CASE WHEN credit_id > 0 THEN 1 ELSE 0 END * (amount_e8 / 1000000000))
            - SUM(CASE WHEN debit_id > 0 THEN 1 ELSE 0 END * (amount_e8 / 1000000000)),
        SUM(CASE WHEN credit_id > 0 THEN 1 ELSE 0 END * (amount_e8 % 1000000000))
            - SUM(CASE WHEN debit_id > 0 THEN 1 ELSE 0 END * (amount_e8 % 1000000000))
    FROM ledger_transfer
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something that says one amount while its transfers come to another."""

    subject: str
    says_e8: int
    transfers_e8: int

    def __str__(self) -> str:
        says, transfers = money.text(self.says_e8), money.text(self.transfers_e8)
        return f"{self.subject} says {says}, but its transfers come to {transfers}"


def prove() -> list[Difference]:
    """Return each balance that is not the sum of its transfers; house accounts have none.

    All sums together are zero, unless a transfer names an account that is not there.
    """
    differences, whole_e8 = [], 0
    with connection.cursor() as cursor:
        cursor.execute(_SUMS)
        for account, balance_e8, billions, rest in cursor:
            sum_e8 = int(billions or 0) * _BILLION + int(rest or 0)
            whole_e8 += sum_e8
            if balance_e8 is not None and balance_e8 != sum_e8:
                differences.append(
                    _difference(f"the balance of user {account}", balance_e8, sum_e8)
                )
    if whole_e8 != 0:
        differences.append(_difference("the sum of all accounts", 0, whole_e8))
    return differences


def drift_e8() -> int:
    """Return by how much all balances together differ from what the transfers come to, in e8.

    A cheap sign that something is wrong, for watching; that nothing is, only `prove` tells.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DRIFT)
        billions, rest, moved_billions, moved_rest = (int(part or 0) for part in cursor.fetchone())
    return (billions - moved_billions) * _BILLION + rest - moved_rest


def counts() -> dict[str, int]:
    """Return how many of what `prove` looks at."""
    return {
        "customer balances": Account.objects.filter(balance_e8__isnull=False).count(),
        "transfers": Transfer.objects.count(),
    }


def _difference(subject: str, says_e8: int, transfers_e8: int) -> Difference:
    return Difference(subject=subject, says_e8=says_e8, transfers_e8=transfers_e8)
