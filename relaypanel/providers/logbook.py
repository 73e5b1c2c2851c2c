"""What a provider's owner looks back at: its troubles, and what we had left there."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from relaypanel.providers.models import BalanceReading, Provider, Trouble

# A provider that fails in ever new words must not fill the table.
TROUBLES_KEPT: Final = 500
WORDS_MAX: Final = 500


def note_trouble(*, provider_id: int, duty: str, words: str, now: datetime) -> None:
    """Write down what went wrong; the same words as last time are counted there."""
    words = words[:WORDS_MAX]
    with transaction.atomic():
        latest = Trouble.objects.filter(provider_id=provider_id, duty=duty).order_by("-pk").first()
        if latest is not None and latest.words == words:
            Trouble.objects.filter(pk=latest.pk).update(last_at=now, times=F("times") + 1)
            return
        Trouble.objects.create(
            provider_id=provider_id, duty=duty, words=words, first_at=now, last_at=now
        )
        _forget_oldest(provider_id)


def troubles(provider: Provider, *, limit: int = 50) -> QuerySet[Trouble]:
    """Return what went wrong, the latest first."""
    return Trouble.objects.filter(provider=provider).order_by("-last_at", "-pk")[:limit]


def note_balance(*, provider_id: int, amount_e8: int, now: datetime) -> None:
    """Write down what we have left, unless it is what we had when we looked last."""
    readings = BalanceReading.objects.filter(provider_id=provider_id)
    latest = readings.order_by("-at", "-pk").first()
    if latest is None or latest.amount_e8 != amount_e8:
        readings.create(provider_id=provider_id, at=now, amount_e8=amount_e8)


def readings(provider: Provider, *, since: datetime) -> list[BalanceReading]:
    """Return what we had left since then, the oldest first."""
    rows = BalanceReading.objects.filter(provider=provider, at__gte=since)
    return list(rows.order_by("at", "pk"))


def _forget_oldest(provider_id: int) -> None:
    rows = Trouble.objects.filter(provider_id=provider_id).order_by("-pk")
    oldest_kept = rows.values_list("pk", flat=True)[TROUBLES_KEPT - 1 : TROUBLES_KEPT].first()
    if oldest_kept is not None:
        rows.filter(pk__lt=oldest_kept).delete()
