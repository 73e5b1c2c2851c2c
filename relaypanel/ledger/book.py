"""The only writer of the ledger.

Every movement passes through a lock on an account it touches before its key is looked
up.  So two transactions that say the same thing at once come one after the other, and
the second finds the first one's row.  Whoever calls `post` twice in one transaction for
different customers locks all of them first: `lock` takes them in the order of their IDs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import transaction

from relaypanel import database, money, prepared
from relaypanel.accounts import keys
from relaypanel.accounts.models import User
from relaypanel.errors import Refused
from relaypanel.ledger import chart
from relaypanel.ledger.models import Account, Code, Transfer

# A posting touches two accounts at the most, and SQLite takes 32,766 variables in a statement
# (SQLITE_MAX_VARIABLE_NUMBER since 3.32).
POSTINGS_MAX: Final = 16_000

# All changes travel as one JSON object, account to e8: any number of rows, whole numbers to the
# last digit, and both databases read it.  By way of text, since PostgreSQL has no direct cast.
# The accounts stand there once more, so that nobody looks for them by reading all accounts.
_CHANGE_BALANCES: Final = prepared.Statement(
    f"""
    UPDATE "ledger_account"
       SET balance_e8 = balance_e8 + CAST(CAST(change.value AS text) AS bigint)
      FROM json_each($1) AS change
     WHERE ledger_account.id {prepared.among("$2")}
           AND ledger_account.id = CAST(change.key AS bigint)
    RETURNING ledger_account.id, ledger_account.balance_e8
    """  # nosec B608
)

# NO KEY: the foreign keys of other people's transfers need not wait for this lock.
_LOCK: Final = prepared.Statement(
    f'SELECT id, balance_e8 FROM "ledger_account" WHERE id {prepared.among("$1")} ORDER BY id'  # nosec B608
    + ("" if prepared.is_sqlite() else " FOR NO KEY UPDATE")
)
# For a caller of the API: the balance comes with the look-up of the key.
BALANCE_OF_CALLER: Final = keys.Finder(
    "account.balance_e8", "JOIN ledger_account AS account ON account.id = caller.id"
)
_BALANCE: Final = prepared.Statement("SELECT balance_e8 FROM ledger_account WHERE id = $1")
_TRANSFERS: Final = prepared.Insert(
    Transfer,
    "key",
    "debit_id",
    "credit_id",
    "amount_e8",
    "debit_left_e8",
    "credit_left_e8",
    "code",
    "reason",
    "created_at",
)


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of `amount_e8` from the debited to the credited account, said once by its key."""

    key: str
    debit: int
    credit: int
    amount_e8: int
    code: Code
    reason: str = ""

    def __post_init__(self) -> None:
        assert self.key
        assert self.debit != self.credit
        assert 0 < self.amount_e8 <= money.MAX_E8


class NotEnoughFunds(Refused):
    code = "not_enough_funds"

    def __init__(self, *, user_id: int, balance_e8: int, change_e8: int) -> None:
        self.user_id, self.balance_e8, self.change_e8 = user_id, balance_e8, change_e8
        super().__init__(f"account {user_id} holds less than {money.text(-change_e8)}")


class BalanceTooLarge(Refused):
    code = "balance_too_large"

    def __init__(self, *, user_id: int, balance_e8: int, change_e8: int) -> None:
        self.user_id, self.balance_e8, self.change_e8 = user_id, balance_e8, change_e8
        super().__init__(f"account {user_id} has no room for {money.text(change_e8)} more")


class KeyReused(AssertionError):
    """A bug: two different movements were given the same key."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"the key {key} already stands for another movement")


def post(posting: Posting, *, now: datetime) -> bool:
    """Return whether money moved: False when this very movement was in the book already.

    Raises as `post_many` does.
    """
    return posting.key in post_many([posting], now=now)


def post_many(postings: Sequence[Posting], *, now: datetime) -> frozenset[str]:
    """Return the keys that moved money now; the others were in the book with the same content.

    All of them move at one moment, or none: a balance is judged after the whole batch.  A
    refusal comes before anything is written, so it leaves the caller's transaction usable.
    Raises NotEnoughFunds, BalanceTooLarge, and KeyReused for a key with other content.
    """
    assert len(postings) <= POSTINGS_MAX
    wanted = _once_per_key(postings)
    with _transaction():
        balances_e8 = _lock(_guards(postings))
        fresh = _not_yet_written(wanted)
        changes_e8 = _changes(fresh)
        _judge(balances_e8, changes_e8)
        _write(fresh, changes_e8, held_e8=balances_e8, now=now)
    return frozenset(posting.key for posting in fresh)


def post_new(
    postings: Sequence[Posting],
    *,
    held_e8: Mapping[int, int],
    now: datetime,
    beside: Sequence[prepared.Ask] = (),
) -> None:
    """Write movements whose keys name what was made a moment ago, in this transaction.

    The caller has locked the accounts, which hold `held_e8`, and judged that they cover the
    postings.  Where it errs, the database refuses: a key that was there, and a balance below
    zero.  `beside` is written on the same way.
    """
    assert database.in_transaction()
    _write(postings, _changes(postings), held_e8=held_e8, now=now, beside=beside)


def lock(user_ids: Collection[int]) -> dict[int, int]:
    """Return each customer's balance in e8, locked until the end of the transaction."""
    return lock_beside(user_ids)[0]


def lock_beside(
    user_ids: Collection[int], *asks: prepared.Ask
) -> tuple[dict[int, int], list[list[tuple[Any, ...]]]]:
    """Return what `lock` does, and what is found on the same way once the accounts are locked."""
    assert database.in_transaction()
    if not user_ids:
        return {}, prepared.together(*asks)
    accounts = {chart.customer(user_id) for user_id in user_ids}
    locked, *found = prepared.together(_LOCK.ask(list(accounts)), *asks)
    balances_e8 = _all_of(accounts, locked)
    return {pk: held_e8 for pk, held_e8 in balances_e8.items() if held_e8 is not None}, found


def balance(user_id: int) -> int:
    """Return the customer's balance in e8."""
    ((balance_e8,),) = _BALANCE.rows(chart.customer(user_id))
    assert isinstance(balance_e8, int)
    return balance_e8


def balances(user_ids: Collection[int]) -> dict[int, int]:
    """Return the balance in e8 of each of these customers."""
    rows = Account.objects.filter(pk__in=[chart.customer(user_id) for user_id in user_ids])
    return {pk: balance_e8 or 0 for pk, balance_e8 in rows.values_list("pk", "balance_e8")}


def open_account(user: User) -> None:
    """Give a new user an empty account."""
    Account.objects.create(pk=chart.customer(user.pk), user=user, balance_e8=0)


def _once_per_key(postings: Iterable[Posting]) -> dict[str, Posting]:
    wanted: dict[str, Posting] = {}
    for posting in postings:
        if wanted.setdefault(posting.key, posting) != posting:
            raise KeyReused(key=posting.key)
    return wanted


def _transaction() -> AbstractContextManager[object]:
    # Within the caller's transaction a savepoint would cost two statements and save nothing:
    # what is refused has not been written.
    return nullcontext() if database.in_transaction() else transaction.atomic()


def _guards(postings: Iterable[Posting]) -> set[int]:
    """Return the accounts to lock: the customers', or houses where no customer is concerned."""
    guards: set[int] = set()
    for posting in postings:
        sides = {posting.debit, posting.credit}
        guards |= {account for account in sides if account > 0} or sides
    return guards


def _lock(account_ids: Collection[int]) -> dict[int, int | None]:
    return _all_of(account_ids, _LOCK.rows(list(account_ids)))


def _all_of(
    account_ids: Collection[int], rows: Sequence[tuple[int, int | None]]
) -> dict[int, int | None]:
    balances_e8 = dict(rows)
    assert len(balances_e8) == len(account_ids), "a posting names an account that is not open"
    return balances_e8


def _not_yet_written(wanted: Mapping[str, Posting]) -> list[Posting]:
    columns = ("key", "debit_id", "credit_id", "amount_e8", "code", "reason")
    fresh = dict(wanted)
    for key, *content in Transfer.objects.filter(key__in=wanted).values_list(*columns):
        posting = fresh.pop(key)
        if content != [
            posting.debit,
            posting.credit,
            posting.amount_e8,
            posting.code,
            posting.reason,
        ]:
            raise KeyReused(key=key)
    return list(fresh.values())


def _changes(postings: Iterable[Posting]) -> dict[int, int]:
    """Return by how many e8 each customer's balance changes."""
    changes_e8: defaultdict[int, int] = defaultdict(int)
    for posting in postings:
        changes_e8[posting.debit] -= posting.amount_e8
        changes_e8[posting.credit] += posting.amount_e8
    return {account: change for account, change in changes_e8.items() if account > 0}


def _judge(balances_e8: Mapping[int, int | None], changes_e8: Mapping[int, int]) -> None:
    for account, change_e8 in changes_e8.items():
        balance_e8 = balances_e8[account]
        assert balance_e8 is not None
        if balance_e8 + change_e8 < 0:
            raise NotEnoughFunds(user_id=account, balance_e8=balance_e8, change_e8=change_e8)
        if balance_e8 + change_e8 > money.MAX_E8:
            raise BalanceTooLarge(user_id=account, balance_e8=balance_e8, change_e8=change_e8)


def _write(
    fresh: Sequence[Posting],
    changes_e8: Mapping[int, int],
    *,
    held_e8: Mapping[int, int | None],
    now: datetime,
    beside: Sequence[prepared.Ask] = (),
) -> None:
    """Write movements where the accounts that they change are locked and hold `held_e8`."""
    before_e8 = {account: held_e8[account] or 0 for account in changes_e8}
    changed = [_CHANGE_BALANCES.ask(json.dumps(changes_e8), list(changes_e8))] if changes_e8 else []
    found = prepared.together(*changed, *_transfers(fresh, before_e8, now), *beside)
    if changed:
        # Under the lock there is no other outcome; if there were, all is undone.
        after_e8 = {account: before_e8[account] + by for account, by in changes_e8.items()}
        assert dict(found[0]) == after_e8, "a balance changed under the lock"


def _transfers(
    fresh: Sequence[Posting], before_e8: Mapping[int, int], now: datetime
) -> list[prepared.Ask]:
    return _TRANSFERS.asks(
        [
            (
                posting.key,
                posting.debit,
                posting.credit,
                posting.amount_e8,
                debit_left_e8,
                credit_left_e8,
                posting.code,
                posting.reason,
                now,
            )
            for posting, debit_left_e8, credit_left_e8 in _with_what_is_left(fresh, before_e8)
        ]
    )


def _with_what_is_left(
    fresh: Sequence[Posting], balances_e8: Mapping[int, int]
) -> Iterator[tuple[Posting, int | None, int | None]]:
    """Yield each posting with what its two sides hold after it.

    None: a house, or, in the middle of a batch, what no account can hold.
    """
    left_e8 = dict(balances_e8)
    for posting in fresh:
        for account, change_e8 in (
            (posting.debit, -posting.amount_e8),
            (posting.credit, posting.amount_e8),
        ):
            if account in left_e8:
                left_e8[account] += change_e8
        yield posting, _held(left_e8.get(posting.debit)), _held(left_e8.get(posting.credit))


def _held(left_e8: int | None) -> int | None:
    return left_e8 if left_e8 is not None and 0 <= left_e8 <= money.MAX_E8 else None
