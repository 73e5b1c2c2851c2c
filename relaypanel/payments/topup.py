"""Adding money: asked for, sent, and confirmed once.  The only writer of a top-up's state.

A transfer is found by its reference.  Whoever confirms it, staff or a gateway, once or at the same
moment, the money moves once: the state goes along an arrow in one statement that counts its row,
and the ledger's key is the top-up's.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from relaypanel import errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.ledger import book, chart
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Code
from relaypanel.notices import outbox
from relaypanel.notices.models import Kind
from relaypanel.payments import affiliates, exchange
from relaypanel.payments.models import OPEN, PaymentMethod, State, TopUp

# A person has a few transfers under way, not a hundred.
OPEN_MAX: Final = 5
EXPIRES_AFTER: Final = timedelta(days=3)
EXPIRE_BATCH: Final = 200
REASON_CHARACTERS_MAX: Final = 200
# Nothing that is misread for something else, on paper or aloud.
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
# A whole coin of the panel's currency is hundredths at the finest.
_FINEST_E8: Final = money.ONE_E8 // 100

# Money that comes late or after a cancel was sent all the same, so those may still be confirmed.
ARROWS: Final[dict[State, frozenset[State]]] = {
    State.REQUESTED: frozenset(
        (State.PAID, State.CONFIRMED, State.REJECTED, State.CANCELED, State.EXPIRED)
    ),
    State.PAID: frozenset((State.CONFIRMED, State.REJECTED)),
    State.CANCELED: frozenset((State.CONFIRMED,)),
    State.EXPIRED: frozenset((State.CONFIRMED,)),
    State.CONFIRMED: frozenset(),
    State.REJECTED: frozenset(),
}


class MethodNotFound(errors.Refused):
    """There is no such method, or it is off."""

    code = "method_not_found"


class AmountOutOfBounds(errors.Refused):
    code = "amount_out_of_bounds"

    def __init__(self, *, min_e8: int, max_e8: int) -> None:
        self.min_e8, self.max_e8 = min_e8, max_e8
        super().__init__(f"an amount lies between {money.text(min_e8)} and {money.text(max_e8)}")


class AmountTooFine(errors.Refused):
    code = "amount_too_fine"


class TooManyOpen(errors.Refused):
    code = "too_many_open"


class TopUpNotFound(errors.Refused):
    """There is no such top-up, or it is somebody else's: the answer is the same."""

    code = "topup_not_found"


class AlreadyDecided(errors.Refused):
    """It does not stand where that could be done any more; `state` is where it stands."""

    code = "already_decided"

    def __init__(self, *, state: State) -> None:
        self.state = state
        super().__init__(f"the top-up is {state} already")


class ReasonNeeded(errors.Refused):
    """The customer is told why no money was added."""

    code = "topup_reason_needed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decider:
    """Who confirms or rejects: a member of staff, or, with None, the method's gateway."""

    staff: Actor | None


GATEWAY: Final = Decider(staff=None)


def request(*, user_id: int, method_id: int, amount_e8: int, now: datetime) -> TopUp:
    """Return a new top-up, with its reference, that waits for money.

    Raises MethodNotFound, AmountOutOfBounds, AmountTooFine and TooManyOpen.
    """
    method = PaymentMethod.objects.select_related("currency").filter(pk=method_id, is_on=True)
    found = method.first()
    if found is None:
        raise MethodNotFound
    if not found.min_e8 <= amount_e8 <= found.max_e8:
        raise AmountOutOfBounds(min_e8=found.min_e8, max_e8=found.max_e8)
    if amount_e8 % _FINEST_E8:
        raise AmountTooFine
    with transaction.atomic():
        # Two requests of one customer come one after the other, and the limit counts both.
        book.lock([user_id])
        if TopUp.objects.filter(user=user_id, state__in=OPEN).count() >= OPEN_MAX:
            raise TooManyOpen
        return _insert(user_id, found, amount_e8, now=now)


def say_paid(*, user_id: int, topup_id: int, now: datetime) -> TopUp:
    """Note that the customer has sent the money.  Raises TopUpNotFound and AlreadyDecided."""
    topup = _own(user_id, topup_id)
    _move(topup, (State.REQUESTED,), State.PAID, paid_at=now)
    return topup


def cancel(*, user_id: int, topup_id: int, now: datetime) -> TopUp:
    """Take back a request for which nothing was sent.  Raises TopUpNotFound and AlreadyDecided."""
    topup = _own(user_id, topup_id)
    _move(topup, (State.REQUESTED,), State.CANCELED, ended_at=now)
    return topup


def confirm(*, topup_id: int, by: Decider, now: datetime) -> TopUp:
    """Put the money on the customer's balance, the bonus and the affiliate's share beside it.

    Raises TopUpNotFound, AlreadyDecided, and book.BalanceTooLarge; nothing was written then.
    """
    topup = _any(topup_id)
    with transaction.atomic():
        referral = affiliates.referral_of(topup.user_id)
        # All accounts before the row, in the order of their numbers, as everywhere.
        book.lock({topup.user_id} | ({referral.affiliate_id} if referral else set()))
        before = _held_state(topup)
        _move(topup, _before(State.CONFIRMED), State.CONFIRMED, ended_at=now, **_decided(by))
        book.post_many(_postings(topup), now=now)
        if referral is not None:
            affiliates.share_deposit(referral, topup_id=topup.pk, base_e8=topup.amount_e8, now=now)
        outbox.tell(user_id=topup.user_id, kind=Kind.TOPUP_CONFIRMED, data=_told(topup), now=now)
        _write("topup.confirm", topup, before, by=by, now=now)
    return topup


def reject(*, topup_id: int, by: Decider, reason: str, now: datetime) -> TopUp:
    """End a top-up for which no money came; `reason` is for the customer.

    Raises ReasonNeeded, TopUpNotFound and AlreadyDecided.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise ReasonNeeded(f"a reason of at most {REASON_CHARACTERS_MAX} characters is needed")
    topup = _any(topup_id)
    with transaction.atomic():
        before = _held_state(topup)
        origins = _before(State.REJECTED)
        _move(topup, origins, State.REJECTED, ended_at=now, reason=reason, **_decided(by))
        data = _told(topup) | {"reason": topup.reason}
        outbox.tell(user_id=topup.user_id, kind=Kind.TOPUP_REJECTED, data=data, now=now)
        _write("topup.reject", topup, before, by=by, now=now)
    return topup


def expire_due(*, now: datetime) -> int:
    """End the requests that nobody said anything about for days, and return how many."""
    due = TopUp.objects.filter(state=State.REQUESTED, expires_at__lte=now).order_by("pk")
    ids = list(due.values_list("pk", flat=True)[:EXPIRE_BATCH])
    return TopUp.objects.filter(pk__in=ids, state=State.REQUESTED).update(
        state=State.EXPIRED, ended_at=now
    )


def _insert(user_id: int, method: PaymentMethod, amount_e8: int, *, now: datetime) -> TopUp:
    currency = method.currency
    code = currency.code if currency else settings.CURRENCY
    rate_e8 = currency.per_unit_e8 if currency else money.ONE_E8
    return TopUp.objects.create(
        user_id=user_id,
        method=method,
        reference="RP" + "".join(secrets.choice(_LETTERS) for _ in range(8)),
        amount_e8=amount_e8,
        bonus_e8=exchange.share_e8(amount_e8, share_bp=method.bonus_bp),
        owed_e8=exchange.owed_e8(amount_e8, per_unit_e8=rate_e8, currency=code),
        owed_currency=code,
        requested_at=now,
        expires_at=now + EXPIRES_AFTER,
    )


def _own(user_id: int, topup_id: int) -> TopUp:
    topup = TopUp.objects.filter(user=user_id, pk=topup_id).first()
    if topup is None:
        raise TopUpNotFound
    return topup


def _any(topup_id: int) -> TopUp:
    topup = TopUp.objects.filter(pk=topup_id).first()
    if topup is None:
        raise TopUpNotFound
    return topup


def _held_state(topup: TopUp) -> str:
    """Return how it stands, locked until the end of the transaction."""
    rows = TopUp.objects.select_for_update(no_key=True)
    state: str = rows.values_list("state", flat=True).get(pk=topup.pk)
    return state


def _before(to: State) -> tuple[State, ...]:
    return tuple(state for state, ends in ARROWS.items() if to in ends)


def _move(topup: TopUp, origins: Collection[State], to: State, **changes: Any) -> None:
    assert all(to in ARROWS[origin] for origin in origins)
    rows = TopUp.objects.filter(pk=topup.pk, state__in=origins)
    if not rows.update(state=to, **changes):
        topup.refresh_from_db()
        raise AlreadyDecided(state=State(topup.state))
    topup.refresh_from_db()


def _decided(by: Decider) -> dict[str, Any]:
    return {
        "decided_by_id": by.staff.user_id if by.staff else None,
        "by_gateway": by.staff is None,
    }


def _write(act: str, topup: TopUp, before: str, *, by: Decider, now: datetime) -> None:
    """Note in the audit log what a member of staff did; a gateway has its own events."""
    if by.staff is None:
        return
    audit_log.record(
        by=by.staff,
        act=act,
        subject=("topup", topup.pk),
        before={"state": before},
        after={
            "state": str(topup.state),
            "reference": topup.reference,
            "amount": money.text(topup.amount_e8),
            "bonus": money.text(topup.bonus_e8),
            "customer": topup.user_id,
        }
        | ({"reason": topup.reason} if topup.reason else {}),
        now=now,
    )


def _postings(topup: TopUp) -> list[Posting]:
    customer = chart.customer(topup.user_id)
    deposit = Posting(
        key=f"topup:{topup.pk}",
        debit=chart.CASH,
        credit=customer,
        amount_e8=topup.amount_e8,
        code=Code.DEPOSIT,
    )
    if not topup.bonus_e8:
        return [deposit]
    bonus = Posting(
        key=f"topup:{topup.pk}:bonus",
        debit=chart.PROMOTIONS,
        credit=customer,
        amount_e8=topup.bonus_e8,
        code=Code.BONUS,
    )
    return [deposit, bonus]


def _told(topup: TopUp) -> dict[str, str | int]:
    return {
        "topup": topup.pk,
        "reference": topup.reference,
        "amount_e8": topup.amount_e8,
        "bonus_e8": topup.bonus_e8,
    }
