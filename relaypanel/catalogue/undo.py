"""Takes back what one sync changed in the shop, where nobody changed it since.

The provider's price list stays as it was told: it is what things cost.  So a rate that is taken
back waits in quarantine, or the next sync would set it again, and a service whose old rate is
below its cost by now comes back paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from django.db import transaction

from relaypanel import errors
from relaypanel.catalogue import guard, pricing_rules, stock
from relaypanel.catalogue.likeness import Value
from relaypanel.catalogue.models import Cause, Outcome, Sync, SyncChange, Visibility
from relaypanel.catalogue.plan import Path, Stock, Turn, turn
from relaypanel.catalogue.pricing_rules import Rules

log = structlog.get_logger(__name__)


class NothingToUndo(errors.Refused):
    code = "nothing_to_undo"

    def __init__(self, *, sync_id: int) -> None:
        super().__init__(f"There is no sync {sync_id} that could be undone.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """How many services are as they were before the sync, and how many were changed since."""

    restored: int
    changed_since: int


def undo(*, sync_id: int, now: datetime) -> Undone:
    """Give services back what they were before a sync, column by column.

    What the sync put up for sale is closed.  Raises NothingToUndo.
    """
    with transaction.atomic():
        stock.lock()
        event = Sync.objects.filter(pk=sync_id, outcome=Outcome.APPLIED, undone_at=None).first()
        if event is None:
            raise NothingToUndo(sync_id=sync_id)
        changes = {change.service_id: change for change in event.changes.all()}
        rules = pricing_rules.load()
        turns = [
            _turn(now_, changes[now_.service_id], event.provider_id, rules)
            for now_ in stock.of(list(changes))
        ]
        stock.write(turns, now=now)
        event.undone_at = now
        event.save(update_fields=["undone_at"])
    restored = sum(1 for turn in turns if not turn.is_idle)
    log.info("sync_undone", sync=sync_id, services=restored)
    return Undone(restored=restored, changed_since=len(changes) - restored)


def _turn(before: Stock, change: SyncChange, provider_id: int, rules: Rules) -> Turn:
    columns = _untouched(before, change)
    if not columns:
        return Turn(stock=before, columns={}, paths=before.paths)
    restored = replace(
        before,
        columns={**before.columns, **columns},
        paths=tuple(_path(path, columns, provider_id) for path in before.paths),
    )
    settled = turn(restored, rules=rules)
    for column, value in settled.columns.items():
        # Undoing may have to pause a service for its cost; it opens none that was not open.
        if value != Visibility.ENABLED:
            columns[column] = value
    return Turn(stock=before, columns=columns, paths=settled.paths)


def _untouched(stock: Stock, change: SyncChange) -> dict[str, Value]:
    after: Mapping[str, Value] = change.after
    return {
        column: change.before[column]
        for column, value in after.items()
        if stock.columns[column] == value
    }


def _path(path: Path, columns: Mapping[str, Value], provider_id: int) -> Path:
    if path.provider_id != provider_id:
        return path
    held = path.held
    if "rate_e8" in columns and held is None:
        held = guard.wait(None, cause=Cause.UNDONE, accepted=path.listing, now=path.listing)
    is_back = columns.get("visibility") == Visibility.ENABLED
    return replace(path, held=held, missed=0 if is_back else path.missed)
