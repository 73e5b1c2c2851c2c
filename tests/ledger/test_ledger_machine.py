"""The ledger against a dictionary: any history of movements, on the real database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import audit, book, chart
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Code, Transfer
from tests.cast import NOW

CUSTOMERS = 3
who = st.integers(0, CUSTOMERS - 1)
# Small amounts meet each other's balances; large ones meet the ends of the range.
amounts_e8 = st.one_of(
    st.integers(1, 10), st.sampled_from((money.MAX_E8, money.MAX_E8 - 1, money.MAX_E8 // 2))
)
codes = st.sampled_from((Code.DEPOSIT, Code.ORDER_CHARGE, Code.WITHDRAWAL))


class LedgerMachine(RuleBasedStateMachine):
    @initialize()
    def open_accounts(self) -> None:
        self.example = transaction.atomic()
        self.example.__enter__()
        self.user_ids = [self._customer(f"user{number}") for number in range(CUSTOMERS)]
        self.balances_e8 = dict.fromkeys(self.user_ids, 0)
        self.written: dict[str, Posting] = {}
        self.keys = 0

    @rule(who=who, amount_e8=amounts_e8, code=codes)
    def move(self, who: int, amount_e8: int, code: Code) -> None:
        self._post([self._posting(who, amount_e8, code)])

    @rule(batch=st.lists(st.tuples(who, amounts_e8, codes), max_size=6), twice=st.booleans())
    def move_a_batch(self, batch: list[tuple[int, int, Code]], twice: bool) -> None:
        self._post([self._posting(*line) for line in batch] * (1 + twice))

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def refund_a_charge(self, data: st.DataObject) -> None:
        earlier = data.draw(st.sampled_from(list(self.written.values())))
        refund = replace(
            earlier,
            key=f"{earlier.key}:back",
            debit=earlier.credit,
            credit=earlier.debit,
            code=Code.ORDER_REFUND,
        )

        self._post([refund])

    @precondition(lambda self: self.written)
    @rule(data=st.data(), amount_e8=amounts_e8)
    def repeat_with_something_new(self, data: st.DataObject, amount_e8: int) -> None:
        earlier = data.draw(st.sampled_from(list(self.written.values())))

        self._post([earlier, self._posting(0, amount_e8, Code.DEPOSIT), earlier])

    @precondition(lambda self: self.written)
    @rule(data=st.data(), amount_e8=amounts_e8)
    def reuse_a_key(self, data: st.DataObject, amount_e8: int) -> None:
        earlier = data.draw(st.sampled_from(list(self.written.values())))
        other = replace(earlier, reason="another")

        with pytest.raises(book.KeyReused):
            book.post_many([self._posting(0, amount_e8, Code.DEPOSIT), other], now=NOW)

    @invariant()
    def the_books_agree(self) -> None:
        balances_e8 = {user_id: book.balance(user_id) for user_id in self.user_ids}
        assert balances_e8 == self.balances_e8
        assert Transfer.objects.count() == len(self.written)
        assert audit.prove() == []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def _customer(self, username: str) -> int:
        user = User.objects.create(username=username)
        book.open_account(user)
        return user.pk

    def _posting(self, who: int, amount_e8: int, code: Code) -> Posting:
        self.keys += 1
        debit, credit = self.user_ids[who], chart.SALES
        if code == Code.DEPOSIT:
            debit, credit = chart.CASH, self.user_ids[who]
        return Posting(
            key=f"event:{self.keys}", debit=debit, credit=credit, amount_e8=amount_e8, code=code
        )

    def _post(self, postings: list[Posting]) -> None:
        fresh = {p.key: p for p in postings if p.key not in self.written}
        after_e8 = self._after(fresh)
        expected = _refusal(after_e8)
        if expected is not None:
            with pytest.raises(expected):
                book.post_many(postings, now=NOW)
            return
        assert book.post_many(postings, now=NOW) == set(fresh)
        self.written |= fresh
        self.balances_e8 = after_e8

    def _after(self, fresh: dict[str, Posting]) -> dict[int, int]:
        after_e8 = dict(self.balances_e8)
        for posting in fresh.values():
            for account, change_e8 in (
                (posting.debit, -posting.amount_e8),
                (posting.credit, posting.amount_e8),
            ):
                if account in after_e8:
                    after_e8[account] += change_e8
        return after_e8


def _refusal(after_e8: dict[int, int]) -> Any:
    """Return what the book may refuse with, or None."""
    short = any(e8 < 0 for e8 in after_e8.values())
    full = any(e8 > money.MAX_E8 for e8 in after_e8.values())
    refusals = (book.NotEnoughFunds,) * short + (book.BalanceTooLarge,) * full
    return refusals or None


@pytest.mark.django_db
class TestLedger:
    def test_agrees_with_a_dictionary_after_any_history(self) -> None:
        run_state_machine_as_test(
            LedgerMachine, settings=settings(max_examples=40, stateful_step_count=25)
        )
