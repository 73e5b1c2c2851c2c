"""The proof of the day: all books, once a day, and what came of it for the desk to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import structlog

from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger.audit import Difference
from relaypanel.ledger.models import Transfer
from relaypanel.orders import audit as orders_audit
from relaypanel.payments import audit as payments_audit
from relaypanel.reports.models import Proof

log = structlog.get_logger(__name__)

PAGE: Final = 30
DIFFERENCES_KEPT: Final = 20
# Less than a day, so that a proof that took long does not come later each night.
AGAIN_AFTER: Final = timedelta(hours=20)
# So many transfers are proved in a second or two.
QUICK_TRANSFERS: Final = 100_000
NIGHT_HOUR: Final = 3


class Prover(Protocol):
    """A module that proves its part of the books."""

    def counts(self) -> Mapping[str, int]: ...

    def prove(self) -> list[Difference]: ...


PROVERS: Final[tuple[Prover, ...]] = (ledger_audit, orders_audit, payments_audit)


def is_due(*, now: datetime) -> bool:
    """Whether the books are to be proved now: once a day, and large ones at night."""
    last = latest()
    if last is not None and last.at > now - AGAIN_AFTER:
        return False
    moved = Transfer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return moved < QUICK_TRANSFERS or now.astimezone(UTC).hour == NIGHT_HOUR


def prove(*, now: datetime) -> Proof:
    """Prove all books, and keep what came of it."""
    counts = {what: count for prover in PROVERS for what, count in prover.counts().items()}
    differences = [str(one) for prover in PROVERS for one in prover.prove()]
    if differences:
        log.error("books_differ", differences=len(differences), first=differences[0])
    return Proof.objects.create(at=now, counts=counts, differences=differences[:DIFFERENCES_KEPT])


def latest() -> Proof | None:
    return Proof.objects.order_by("-pk").first()


def page(*, before_id: int | None = None) -> list[Proof]:
    """Return the newest proofs below `before_id`: one more than PAGE if there are more."""
    rows = Proof.objects.order_by("-pk")
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return list(rows[: PAGE + 1])
