"""Money that came in outside the panel, added to a balance by those who saw it come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from relaypanel import errors, money
from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code, Transfer

REFERENCE_CHARACTERS_MAX: Final = 80
REASON_CHARACTERS_MAX: Final = 200


class BadAmount(errors.Refused):
    code = "bad_amount"


class BadReference(errors.Refused):
    code = "bad_reference"


class ReferenceUsed(errors.Refused):
    """Another payment has this reference: nothing was added."""

    code = "payment_reference_used"


def add(
    *, user_id: int, amount_e8: int, reference: str, reason: str, by: Actor, now: datetime
) -> Transfer:
    """Return the deposit of that reference, added now or, with the same content, before.

    Raises BadAmount, BadReference, ReferenceUsed, and book.BalanceTooLarge.
    """
    if not 0 < amount_e8 <= money.MAX_E8:
        raise BadAmount
    if not reference.isprintable() or not 0 < len(reference) <= REFERENCE_CHARACTERS_MAX:
        raise BadReference
    posting = book.Posting(
        key=f"deposit:{reference}",
        debit=chart.CASH,
        credit=chart.customer(user_id),
        amount_e8=amount_e8,
        code=Code.DEPOSIT,
        reason=reason[:REASON_CHARACTERS_MAX],
    )
    try:
        with transaction.atomic():
            is_new = book.post(posting, now=now)
            transfer = Transfer.objects.get(key=posting.key)
            if is_new:
                after = {"user": user_id, "amount": money.text(amount_e8), "reason": reason}
                audit_log.record(
                    by=by, act="payment.add", subject=("payment", transfer.pk), after=after, now=now
                )
    except book.KeyReused:
        raise ReferenceUsed from None
    return transfer


def listed(
    *, user_id: int | None = None, before_id: int | None = None, offset: int = 0, limit: int
) -> Sequence[Transfer]:
    """Return deposits, latest first, each with the customer whom it went to."""
    rows = Transfer.objects.filter(code=Code.DEPOSIT).select_related("credit__user")
    if user_id is not None:
        rows = rows.filter(credit_id=chart.customer(user_id))
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows.order_by("-pk")[offset : offset + limit])
