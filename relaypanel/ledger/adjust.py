"""Money that staff give or take by hand: with a reason, and above a limit by two people.

One asks; up to the limit the money moves at once, above it another one decides.  Who asked can
never decide: the database refuses it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from relaypanel import errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Account, Adjustment, AdjustmentState, Code

REASON_CHARACTERS_MAX: Final = 200
PAGE: Final = 50


class NoSuchAdjustment(errors.Refused):
    code = "no_such_adjustment"


class BadAdjustment(errors.Refused):
    """Nothing, or more than an account can hold, or nobody to give it to."""

    code = "bad_adjustment"


class ReasonNeeded(errors.Refused):
    code = "adjustment_reason_needed"


class AlreadyDecided(errors.Refused):
    code = "adjustment_decided"


class SecondPersonNeeded(errors.Refused):
    """Who asked for it cannot decide about it."""

    code = "second_person_needed"


def ask(
    *,
    user_id: int,
    amount_e8: int,
    reason: str,
    alone_max_e8: int,
    by: Actor,
    now: datetime,
) -> Adjustment:
    """Give an amount, or take it where it is below zero; or leave it to a second person.

    Raises BadAdjustment, ReasonNeeded, book.NotEnoughFunds and book.BalanceTooLarge.
    """
    assert by.user_id is not None
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise ReasonNeeded
    if amount_e8 == 0 or abs(amount_e8) > money.MAX_E8:
        raise BadAdjustment
    with transaction.atomic():
        if not Account.objects.filter(pk=user_id).exists():
            raise BadAdjustment
        alone = abs(amount_e8) <= alone_max_e8
        adjustment = Adjustment.objects.create(
            user_id=user_id,
            amount_e8=amount_e8,
            reason=reason,
            state=AdjustmentState.DONE if alone else AdjustmentState.WAITING,
            asked_by_id=by.user_id,
            asked_at=now,
        )
        if alone:
            _move(adjustment, now=now)
        _write(adjustment, "adjustment.ask", by=by, now=now)
    return adjustment


def decide(*, adjustment_id: int, approve: bool, by: Actor, now: datetime) -> Adjustment:
    """Let the money move, or not.

    Raises NoSuchAdjustment, AlreadyDecided, SecondPersonNeeded and what `ask` raises of book.
    """
    with transaction.atomic():
        rows = Adjustment.objects.select_for_update(no_key=True)
        adjustment = rows.filter(pk=adjustment_id).first()
        if adjustment is None:
            raise NoSuchAdjustment
        if adjustment.state != AdjustmentState.WAITING:
            raise AlreadyDecided
        if by.user_id is None or by.user_id == adjustment.asked_by_id:
            raise SecondPersonNeeded
        adjustment.state = AdjustmentState.DONE if approve else AdjustmentState.REJECTED
        adjustment.decided_by_id, adjustment.decided_at = by.user_id, now
        adjustment.save(update_fields=["state", "decided_by", "decided_at"])
        if approve:
            _move(adjustment, now=now)
        act = "adjustment.approve" if approve else "adjustment.reject"
        _write(adjustment, act, by=by, now=now)
    return adjustment


def waiting() -> list[Adjustment]:
    """Return what waits for a second person, oldest first, at most PAGE."""
    rows = Adjustment.objects.filter(state=AdjustmentState.WAITING)
    return list(rows.select_related("user", "asked_by").order_by("pk")[:PAGE])


def of_user(user_id: int) -> list[Adjustment]:
    """Return the newest adjustments of a user, at most PAGE."""
    rows = Adjustment.objects.filter(user_id=user_id).select_related("asked_by", "decided_by")
    return list(rows.order_by("-pk")[:PAGE])


def _move(adjustment: Adjustment, *, now: datetime) -> None:
    sides = (chart.ADJUSTMENTS, chart.customer(adjustment.user_id))
    debit, credit = sides if adjustment.amount_e8 > 0 else sides[::-1]
    book.post(
        book.Posting(
            key=f"adjustment:{adjustment.pk}",
            debit=debit,
            credit=credit,
            amount_e8=abs(adjustment.amount_e8),
            code=Code.ADJUSTMENT,
            reason=adjustment.reason,
        ),
        now=now,
    )


def _write(adjustment: Adjustment, act: str, *, by: Actor, now: datetime) -> None:
    audit_log.record(
        by=by,
        act=act,
        subject=("user", adjustment.user_id),
        after={
            "adjustment": adjustment.pk,
            "amount": money.text(adjustment.amount_e8),
            "reason": adjustment.reason,
            "state": str(adjustment.state),
        },
        now=now,
    )
