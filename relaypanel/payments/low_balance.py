"""Tells customers, once each time, that their balance has fallen below what they said."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F

from relaypanel.notices import outbox
from relaypanel.notices.models import Kind
from relaypanel.payments.models import LowBalanceWatch

BATCH: Final = 200


def watch(*, user_id: int, threshold_e8: int | None) -> None:
    """Tell this customer from now on; None: no more."""
    if threshold_e8 is None:
        LowBalanceWatch.objects.filter(user=user_id).delete()
        return
    LowBalanceWatch.objects.update_or_create(
        user_id=user_id, defaults={"threshold_e8": threshold_e8, "is_told": False}
    )


def threshold_e8(user_id: int) -> int | None:
    rows = LowBalanceWatch.objects.filter(user=user_id)
    return rows.values_list("threshold_e8", flat=True).first()


def look(*, now: datetime) -> int:
    """Tell those whose balance has fallen, and return how many."""
    watches = LowBalanceWatch.objects.all()
    watches.filter(
        is_told=True,
        pk__in=watches.filter(user__account__balance_e8__gte=F("threshold_e8")).values("pk"),
    ).update(is_told=False)
    fallen = watches.filter(is_told=False, user__account__balance_e8__lt=F("threshold_e8"))
    rows = list(fallen.values_list("pk", "threshold_e8", "user__account__balance_e8")[:BATCH])
    return sum(_tell(user, below, held or 0, now=now) for user, below, held in rows)


def _tell(user_id: int, threshold_e8: int, balance_e8: int, *, now: datetime) -> bool:
    with transaction.atomic():
        # Of two workers that look at once, one takes the row from untold to told.
        if not LowBalanceWatch.objects.filter(pk=user_id, is_told=False).update(is_told=True):
            return False
        data: dict[str, str | int] = {
            "balance_e8": balance_e8,
            "threshold_e8": threshold_e8,
            "at": now.isoformat(timespec="seconds"),
        }
        return outbox.tell(user_id=user_id, kind=Kind.LOW_BALANCE, data=data, now=now)
