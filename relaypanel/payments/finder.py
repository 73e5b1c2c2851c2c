"""Finds top-ups for staff, whoever asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from relaypanel.accounts import people
from relaypanel.payments.models import OPEN, State, TopUp

PAGE: Final = 50
OTHERS_MAX: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which top-ups to show; what is None or empty keeps none out."""

    state: State | None = None
    # A reference, or what people.py finds a customer by.
    text: str = ""

    @property
    def is_queue(self) -> bool:
        """Whoever has waited longest comes first."""
        return self.state in OPEN


def page(wanted: Wanted, *, past_id: int | None = None) -> list[TopUp]:
    """Return the top-ups past an ID: one more than PAGE if there are more.

    What waits is oldest first, all else newest first.
    """
    rows = _filtered(wanted)
    if past_id is not None:
        rows = rows.filter(pk__gt=past_id) if wanted.is_queue else rows.filter(pk__lt=past_id)
    rows = rows.order_by("pk" if wanted.is_queue else "-pk")
    return list(rows.select_related("user", "method")[: PAGE + 1])


def one(topup_id: int) -> TopUp | None:
    """Return a top-up with all that a page about it shows; None: there is none."""
    rows = TopUp.objects.select_related("user__account", "method", "decided_by")
    return rows.filter(pk=topup_id).first()


def others(topup: TopUp) -> list[TopUp]:
    """Return the customer's newest other top-ups."""
    rows = TopUp.objects.filter(user=topup.user_id).exclude(pk=topup.pk)
    return list(rows.select_related("method").order_by("-pk")[:OTHERS_MAX])


def to_check() -> int:
    """Return how many customers say that they have sent money which nobody has confirmed."""
    return TopUp.objects.filter(state=State.PAID).count()


def _filtered(wanted: Wanted) -> QuerySet[TopUp]:
    rows = TopUp.objects.all()
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    if not wanted.text:
        return rows
    by_reference = rows.filter(reference=wanted.text.upper())
    if by_reference.exists():
        return by_reference
    # The customers first: a search through the top-ups would read all of them.
    found = people.page(people.Wanted(text=wanted.text))[: people.PAGE]
    return rows.filter(user__in=found)
