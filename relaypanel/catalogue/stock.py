"""Reads what is on sale, in the form that plans are made of, and writes what a plan changes.

A plan is written by few statements, however much it changes, in the caller's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from relaypanel.catalogue import history
from relaypanel.catalogue.folding import with_folded
from relaypanel.catalogue.guard import Held
from relaypanel.catalogue.models import Cause, MirrorTerms, Quarantine, Route, Service
from relaypanel.catalogue.plan import Path, Stock, Turn
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider, UpstreamService

# What the mirror may change of a service.
COLUMNS: Final = (
    "rate_e8",
    "visibility",
    "name",
    "description",
    "type",
    "rate_per",
    "min",
    "max",
    "refill_days",
    "cancel",
    "dripfeed",
)
ROWS_IN_A_STATEMENT: Final = 500

_TOLD: Final = tuple(field.name for field in fields(Listing))
_ROUTE: Final = ("service_id", "id", "enabled", "missed", "closed_for", "cost_max_e8")
_PROVIDER: Final = (
    "upstream__provider_id",
    "upstream__provider__enabled",
    "upstream__provider__rate_to_panel_e8",
    "upstream__provider__mirror_terms__spike_percent",
    "upstream__provider__mirror_terms__vanish_syncs",
)


def lock() -> dict[int, MirrorTerms]:
    """Return all terms by provider, and let nobody else change the shop until the transaction ends.

    One lock for all providers, because a service may have routes to several.  Nothing that takes
    or sends orders ever waits for the rows of the terms.
    """
    without = Provider.objects.filter(mirror_terms=None)
    MirrorTerms.objects.bulk_create(
        (MirrorTerms(provider=provider) for provider in without), ignore_conflicts=True
    )
    rows = MirrorTerms.objects.select_for_update().order_by("pk")
    return {terms.provider_id: terms for terms in rows}


def at(provider: Provider) -> list[Stock]:
    """Return the services with a route to a provider, locked."""
    return _stocks(Route.objects.filter(upstream__provider=provider))


def of(service_ids: Collection[int]) -> list[Stock]:
    """Return those of the services that have a route, locked."""
    return _stocks(Route.objects.filter(service_id__in=service_ids))


def row(upstream: UpstreamService) -> Listing:
    """Return what a provider told of a service."""
    return _listing([getattr(upstream, name) for name in _TOLD])


def held_by(waiting: Quarantine) -> Held:
    """Return what waits, as plans have it."""
    return Held(
        cause=Cause(waiting.cause),
        accepted=_listing([waiting.accepted[name] for name in _TOLD]),
        told_rate_e8=waiting.told_rate_e8,
        rejected=waiting.rejected,
    )


def write(turns: Sequence[Turn], *, now: datetime) -> None:
    """Write what changes for services, and what their customers may read of it."""
    _write_services([turn for turn in turns if turn.columns])
    _write_routes(turns)
    _write_quarantine(turns, now)
    history.record(map(_change, turns), now=now)


def _stocks(routes: QuerySet[Route]) -> list[Stock]:
    ids = routes.values_list("service_id")
    services = list(
        Service.objects.filter(pk__in=ids)
        .select_for_update(no_key=True)
        .order_by("pk")
        .values_list("pk", "rate_locked", "name_locked", *COLUMNS)
    )
    paths: defaultdict[int, list[Path]] = defaultdict(list)
    for service_id, path in _paths(ids):
        paths[service_id].append(path)
    return [
        Stock(
            service_id=service_id,
            rate_locked=rate_locked,
            name_locked=name_locked,
            columns=dict(zip(COLUMNS, columns, strict=True)),
            paths=tuple(paths[service_id]),
        )
        for service_id, rate_locked, name_locked, *columns in services
    ]


def _paths(service_ids: QuerySet[Route, tuple[int]]) -> Iterator[tuple[int, Path]]:
    held = {
        waiting.route_id: held_by(waiting)
        for waiting in Quarantine.objects.filter(route__service_id__in=service_ids)
    }
    # Plain columns: building ten thousand model instances of each kind would take seconds.
    told = (f"upstream__{name}" for name in _TOLD)
    rows = Route.objects.filter(service_id__in=service_ids).order_by("position", "id")
    for values in rows.values_list(*_ROUTE, *_PROVIDER, *told):
        service_id, route_id, enabled, missed, closed_for, cost_max_e8 = values[: len(_ROUTE)]
        provider = values[len(_ROUTE) : -len(_TOLD)]
        provider_id, provider_enabled, rate_to_panel_e8, spike_percent, vanish_syncs = provider
        yield (
            service_id,
            Path(
                route_id=route_id,
                provider_id=provider_id,
                rate_to_panel_e8=rate_to_panel_e8,
                spike_percent=spike_percent,
                vanish_syncs=vanish_syncs,
                is_open=enabled and provider_enabled,
                listing=_listing(values[-len(_TOLD) :]),
                missed=missed,
                closed_for=closed_for,
                held=held.get(route_id),
                cost_max_e8=cost_max_e8,
            ),
        )


def _listing(values: Iterable[Any]) -> Listing:
    told = dict(zip(_TOLD, values, strict=True))
    return Listing(**told | {"type": OrderType(told["type"])})


def _change(turn: Turn) -> history.Change:
    return history.Change(
        service_id=turn.stock.service_id,
        was_on=turn.stock.is_on,
        is_on=turn.after.is_on,
        rate_before_e8=turn.stock.rate_e8,
        rate_e8=turn.after.rate_e8,
    )


def _write_services(turns: Sequence[Turn]) -> None:
    services = Service.objects.in_bulk([turn.stock.service_id for turn in turns])
    changed: set[str] = set()
    for turn in turns:
        changed.update(turn.columns)
        for column, value in turn.columns.items():
            setattr(services[turn.stock.service_id], column, value)
    if services:
        # An upsert of whole rows, all of which are there: SQL's one way to change many rows, each
        # in its own way, that both databases share.
        Service.objects.bulk_create(
            services.values(),
            batch_size=ROWS_IN_A_STATEMENT,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=with_folded(changed),
        )


def _write_routes(turns: Iterable[Turn]) -> None:
    alike: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for turn in turns:
        for path in turn.changed_paths:
            alike[path.missed, path.closed_for].append(path.route_id)
    for (missed, closed_for), route_ids in alike.items():
        Route.objects.filter(pk__in=route_ids).update(missed=missed, closed_for=closed_for)


def _write_quarantine(turns: Iterable[Turn], now: datetime) -> None:
    changed = [path for turn in turns for path in turn.changed_paths]
    released = [path.route_id for path in changed if path.held is None]
    Quarantine.objects.filter(route_id__in=released).delete()
    Quarantine.objects.bulk_create(
        [
            Quarantine(
                route_id=path.route_id,
                cause=path.held.cause,
                since_at=now,
                accepted=asdict(path.held.accepted),
                told_rate_e8=path.held.told_rate_e8,
                rejected=path.held.rejected,
            )
            for path in changed
            if path.held is not None
        ],
        batch_size=ROWS_IN_A_STATEMENT,
        update_conflicts=True,
        unique_fields=["route"],
        update_fields=["cause", "since_at", "told_rate_e8", "rejected", "accepted"],
    )
