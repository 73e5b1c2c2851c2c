"""What is paid to whoever brings customers: a share of what those add, or of what they spend.

A share is paid by a movement whose key names what it is a share of, so it is paid once.  Of
deposits it is paid with the deposit.  Of spending it is paid later, when what is given back is
known: each time of what the customer has spent beyond what a share was paid of already.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from relaypanel.ledger import book, chart
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Code, Transfer
from relaypanel.payments import exchange
from relaypanel.payments.models import Affiliate, AffiliateTerms, Basis, Earning, Referral

# Providers may correct an order for some days after its end; spending counts when that is over.
SPENT_AFTER: Final = timedelta(days=3)
_CODE_BYTES: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    code: str
    visits: int
    sign_ups: int
    earned_e8: int


def terms() -> AffiliateTerms:
    """Return the terms, off until their owner turns them on."""
    return AffiliateTerms.objects.filter(pk=1).first() or AffiliateTerms(pk=1)


def set_terms(*, is_on: bool, basis: Basis, share_bp: int, now: datetime) -> None:
    """Change the terms.  Spending counts from when shares are of spending, not from before."""
    with transaction.atomic():
        before = terms()
        AffiliateTerms.objects.update_or_create(
            pk=1, defaults={"is_on": is_on, "basis": basis, "share_bp": share_bp}
        )
        if is_on and basis == Basis.SPENDING and not (before.is_on and before.basis == basis):
            _begin_to_count_spending(now=now)


def figures(user_id: int) -> Figures:
    """Return how a customer's link has done; whoever asks first is given a link."""
    affiliate, _ = Affiliate.objects.get_or_create(
        user_id=user_id, defaults={"code": secrets.token_hex(_CODE_BYTES)}
    )
    earned = Earning.objects.filter(referral__affiliate=affiliate).aggregate(sum=Sum("amount_e8"))
    return Figures(
        code=affiliate.code,
        visits=affiliate.visits,
        sign_ups=Referral.objects.filter(affiliate=affiliate).count(),
        earned_e8=int(earned["sum"] or 0),
    )


def earnings(user_id: int, *, before: int | None = None, limit: int) -> list[Earning]:
    """Return the shares paid to a customer, newest first."""
    rows = Earning.objects.filter(referral__affiliate=user_id)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:limit])


def visit(code: str) -> bool:
    """Count a visit by a link; False: nobody has it."""
    return bool(Affiliate.objects.filter(code=code).update(visits=F("visits") + 1))


def refer(*, user_id: int, code: str, now: datetime) -> bool:
    """Remember by whose link a new user came; False: nobody has it, or it is known already."""
    affiliate = Affiliate.objects.filter(code=code).exclude(user=user_id).first()
    if affiliate is None:
        return False
    try:
        with transaction.atomic():
            Referral.objects.create(user_id=user_id, affiliate=affiliate, at=now)
    except IntegrityError:
        return False
    return True


def referral_of(user_id: int) -> Referral | None:
    return Referral.objects.filter(user=user_id).first()


def share_deposit(referral: Referral, *, topup_id: int, base_e8: int, now: datetime) -> None:
    """Pay the share of a deposit, if shares are of deposits, in the deposit's transaction."""
    ruling = terms()
    if ruling.is_on and ruling.basis == Basis.DEPOSITS:
        _pay(referral, f"topup:{topup_id}:share", base_e8, share_bp=ruling.share_bp, now=now)


def share_spending(*, after: int, limit: int, now: datetime) -> int:
    """Pay the shares of what the customers who come after a number have spent.

    Returns the number to go on from; 0: all had their turn.
    """
    ruling = terms()
    if not ruling.is_on or ruling.basis != Basis.SPENDING:
        return 0
    ids = Referral.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    turn = list(ids[:limit])
    for user_id in turn:
        _share_spending_of(user_id, share_bp=ruling.share_bp, now=now)
    return turn[-1] if len(turn) == limit else 0


def _begin_to_count_spending(*, now: datetime) -> None:
    for user_id in Referral.objects.order_by("pk").values_list("pk", flat=True):
        spent_e8 = _spent_e8(user_id, now=now)
        Referral.objects.filter(pk=user_id, shared_e8__lt=spent_e8).update(shared_e8=spent_e8)


def _share_spending_of(user_id: int, *, share_bp: int, now: datetime) -> None:
    spent_e8 = _spent_e8(user_id, now=now)
    with transaction.atomic():
        referral = Referral.objects.select_for_update(no_key=True).get(pk=user_id)
        base_e8 = spent_e8 - referral.shared_e8
        if exchange.share_e8(max(0, base_e8), share_bp=share_bp) == 0:
            return
        # The figure it rises to is in the key: two workers at once say the same.
        _pay(referral, f"spending:{user_id}:{spent_e8}", base_e8, share_bp=share_bp, now=now)
        Referral.objects.filter(pk=user_id).update(shared_e8=spent_e8)


def _spent_e8(user_id: int, *, now: datetime) -> int:
    """Return what was charged up to some days ago, less everything that was given back."""
    account = chart.customer(user_id)
    charges = Transfer.objects.filter(
        debit=account, code=Code.ORDER_CHARGE, created_at__lte=now - SPENT_AFTER
    )
    refunds = Transfer.objects.filter(credit=account, code=Code.ORDER_REFUND)
    charged, refunded = (rows.aggregate(sum=Sum("amount_e8"))["sum"] for rows in (charges, refunds))
    return int(charged or 0) - int(refunded or 0)


def _pay(referral: Referral, key: str, base_e8: int, *, share_bp: int, now: datetime) -> None:
    amount_e8 = exchange.share_e8(base_e8, share_bp=share_bp)
    if amount_e8 == 0:
        return
    posting = Posting(
        key=key,
        debit=chart.PROMOTIONS,
        credit=chart.customer(referral.affiliate_id),
        amount_e8=amount_e8,
        code=Code.AFFILIATE,
    )
    if book.post(posting, now=now):
        Earning.objects.create(
            referral=referral,
            key=key,
            base_e8=base_e8,
            share_bp=share_bp,
            amount_e8=amount_e8,
            at=now,
        )
