"""Follows a provider's price list: what it changes is planned first, then written at once.

The network is asked before, by providers.refresh; here is one transaction, which applies the
whole list or nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from relaypanel.catalogue import guard, intake, pricing_rules, stock
from relaypanel.catalogue.models import Outcome, Service, Sync, SyncChange, Visibility
from relaypanel.catalogue.plan import Plan, PriceList, Turn, plan
from relaypanel.catalogue.pricing_rules import Rules
from relaypanel.providers import refresh
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider, UpstreamService

log = structlog.get_logger(__name__)

_NOTHING: Final = Plan(seen=(), imported=(), turns=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Synced:
    """What became of a price list that held `listed` services, the one before it `known`.

    The plan is empty when the list was refused.  `sync_id` None: nothing was changed, or it was
    only a preview.
    """

    outcome: Outcome
    listed: int
    known: int
    plan: Plan
    sync_id: int | None = None


def sync(
    provider: Provider, *, listings: Sequence[Listing], now: datetime, accept_short: bool = False
) -> Synced:
    """Write a price list and all that it changes in the shop.

    A list that holds fewer than half of the services of the one before it, or none, changes
    nothing and leaves an event; `accept_short` believes one that holds some.  Raises
    OtherCurrency.
    """
    rows = _sellable(listings)
    with transaction.atomic():
        synced, rules = _judged(provider, rows, accept_short=accept_short)
        if synced.outcome is Outcome.APPLIED:
            refresh.record(provider_id=provider.pk, listings=rows, now=now)
            stock.write(synced.plan.turns, now=now)
            imported = _put_up(provider, synced.plan.imported, rules, now)
            if synced.plan.is_silent:
                return synced
        event = Sync.objects.create(
            provider=provider,
            at=now,
            outcome=synced.outcome,
            listed=synced.listed,
            known=synced.known,
        )
        if synced.outcome is Outcome.APPLIED:
            _remember(event, synced.plan.turns, imported)
    _tell(event, synced.plan)
    return replace(synced, sync_id=event.pk)


def preview(
    provider: Provider, *, listings: Sequence[Listing], accept_short: bool = False
) -> Synced:
    """Return what `sync` would do, and do nothing of it."""
    with transaction.atomic():
        return _judged(provider, _sellable(listings), accept_short=accept_short)[0]


def _sellable(listings: Sequence[Listing]) -> list[Listing]:
    # What is free is a slip of its owner's; the list counts as one that does not hold it.
    return [listing for listing in listings if listing.rate_e8 > 0]


def _judged(
    provider: Provider, rows: Sequence[Listing], *, accept_short: bool
) -> tuple[Synced, Rules]:
    stock.lock()
    provider.refresh_from_db()
    intake.require_known_currency(provider)
    seen = dict(
        UpstreamService.objects.filter(provider=provider).values_list("upstream_id", "seen_at")
    )
    latest_at = max(seen.values(), default=None)
    known = sum(1 for seen_at in seen.values() if seen_at == latest_at)
    rules = pricing_rules.load()
    outcome = _outcome(len(rows), known, accept_short=accept_short)
    planned = _NOTHING
    if outcome is Outcome.APPLIED:
        price_list = PriceList(
            provider_id=provider.pk,
            rate_to_panel_e8=provider.rate_to_panel_e8,
            listings={row.upstream_id: row for row in rows},
        )
        assert len(price_list.listings) == len(rows)
        planned = plan(
            price_list=price_list, known=seen.keys(), stocks=stock.at(provider), rules=rules
        )
    return Synced(outcome=outcome, listed=len(rows), known=known, plan=planned), rules


def _outcome(listed: int, known: int, *, accept_short: bool) -> Outcome:
    if listed == 0:
        return Outcome.EMPTY
    if guard.is_short(told=listed, known=known) and not accept_short:
        return Outcome.SHORT
    return Outcome.APPLIED


def _put_up(
    provider: Provider, imported: Sequence[Listing], rules: Rules, now: datetime
) -> list[Service]:
    if not imported:
        return []
    ids = [listing.upstream_id for listing in imported]
    rows = UpstreamService.objects.filter(provider=provider, upstream_id__in=ids).order_by("id")
    wanted = list(rows)
    found = [
        rules.find(service_id=None, provider_id=provider.pk, category=row.category)
        for row in wanted
    ]
    return intake.put_up(provider, wanted, rules=[rule for rule in found if rule], now=now)


def _remember(event: Sync, turns: Sequence[Turn], imported: Sequence[Service]) -> None:
    """Write what `undo` will need.  To undo an import is to close what came of it."""
    changes = [
        SyncChange(
            sync=event,
            service_id=turn.stock.service_id,
            before={column: turn.stock.columns[column] for column in turn.columns},
            after=dict(turn.columns),
        )
        for turn in turns
        if turn.columns
    ]
    changes += [
        SyncChange(
            sync=event,
            service=service,
            before={"visibility": Visibility.DISABLED.value},
            after={"visibility": Visibility.ENABLED.value},
        )
        for service in imported
    ]
    SyncChange.objects.bulk_create(changes, batch_size=stock.ROWS_IN_A_STATEMENT)


def _tell(event: Sync, planned: Plan) -> None:
    if event.outcome != Outcome.APPLIED:
        log.warning(
            "price_list_refused",
            provider=event.provider_id,
            outcome=event.outcome,
            listed=event.listed,
            known=event.known,
        )
        return
    log.info(
        "price_list_synced",
        provider=event.provider_id,
        sync=event.pk,
        seen=len(planned.seen),
        imported=len(planned.imported),
        services=sum(1 for turn in planned.turns if turn.columns),
        waiting=sum(1 for turn in planned.turns for path in turn.changed_paths if path.held),
    )
