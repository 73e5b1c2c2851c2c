"""Metrics for Prometheus: what the database holds, asked at each scrape, and our counters.

Each gauge is a query over a partial index, so that a scrape costs as much as there is waiting
or running, and not as much as there ever was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relaypanel import clock, money
from relaypanel.duties.models import Duty
from relaypanel.ledger import audit
from relaypanel.orders import queues
from relaypanel.orders.health import room
from relaypanel.providers.models import Provider
from relaypanel.worker import counters

log = structlog.get_logger(__name__)

# Summing the whole ledger reads every transfer, up to a second for each million of them.
DRIFT_SECONDS: Final = 300
_STATES: Final = tuple(field.name for field in fields(queues.Counts))


def serve(*, host: str, port: int) -> None:
    """Answer scrapes at `host`:`port`, in threads of their own, as long as this process lives."""
    counters.REGISTRY.register(Gauges())
    start_http_server(port, addr=host, registry=counters.REGISTRY)
    log.info("metrics_served", host=host, port=port)


def text() -> str:
    """Return the gauges in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(Gauges())
    return generate_latest(registry).decode()


class Gauges(Collector):
    """Asks the database.  While that is away, `relaypanel_database_up` is 0 and stands alone."""

    def __init__(self) -> None:
        self._drift = _Drift()

    def describe(self) -> Iterable[Metric]:
        """Say nothing: else registering would already ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._ask()
        except (OperationalError, InterfaceError):
            log.warning("metrics_without_database", exc_info=True)
            found = []
        up = [((), 1 if found else 0)]
        yield _family("database_up", "Whether the database answers.", (), up)
        yield from found

    def _ask(self) -> list[Metric]:
        try:
            now = clock.of_database()
            providers = list(Provider.objects.order_by("pk"))
            drift = [((), _units(self._drift()))]
            return [
                _orders(providers),
                _oldest(now),
                *_providers(providers, now),
                *_duties(now),
                _family("ledger_drift", "What balances and transfers differ by.", (), drift),
            ]
        finally:
            # Each scrape has a thread of its own, whose connection nobody else would close.
            if not connection.in_atomic_block:
                connection.close()


class _Drift:
    """How far the ledger drifts, in e8, at most DRIFT_SECONDS ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drift_e8 = 0
        self._until = clock.monotonic()

    def __call__(self) -> int:
        with self._lock:
            if clock.monotonic() >= self._until:
                self._drift_e8 = audit.drift_e8()
                self._until = clock.monotonic() + DRIFT_SECONDS
            return self._drift_e8


def _orders(providers: Sequence[Provider]) -> Metric:
    # What there is none of is said too: an absent number cannot be watched.
    places = ["none", *(str(it.pk) for it in providers)]
    samples = {(place, state): 0 for place in places for state in _STATES}
    for provider_id, counted in queues.counts().items():
        for state in _STATES:
            samples[_name(provider_id), state] = getattr(counted, state)
    return _family(
        "orders",
        "Orders that have not ended, by provider (none: staff deliver them) and state.",
        ("provider", "state"),
        samples.items(),
    )


def _oldest(now: datetime) -> Metric:
    return _family(
        "queue_oldest_seconds",
        "For how long the order has been due that waits longest to be sent.",
        ("provider",),
        [((_name(pk),), _age(at, now)) for pk, at in queues.oldest(now=now).items()],
    )


def _providers(providers: Sequence[Provider], now: datetime) -> Iterator[Metric]:
    def gauge(name: str, purpose: str, value: Callable[[Provider], float | None]) -> Metric:
        samples = [((str(it.pk),), value(it)) for it in providers]
        return _family(f"provider_{name}", purpose, ("provider",), samples)

    yield _family(
        "provider_info",
        "The name and currency of each provider; always 1.",
        ("provider", "name", "currency"),
        [((str(it.pk), it.name, it.currency), 1) for it in providers],
    )
    yield gauge("open", "Whether orders may go there now.", lambda it: room(it, now=now) > 0)
    yield gauge("enabled", "Whether its owner wants orders to go there.", lambda it: it.enabled)
    yield gauge("unclear_in_a_row", "Its last unclear answers.", lambda it: it.unclear_in_a_row)
    yield gauge("balance", "Our balance there, in its currency.", lambda it: _units(it.balance_e8))
    yield gauge("balance_age_seconds", "Since when.", lambda it: _age(it.balance_at, now))
    yield _family(
        "provider_paused",
        "1 while sending there stands still by itself, and why.",
        ("provider", "reason"),
        [
            ((str(it.pk), it.paused_for), 1)
            for it in providers
            if it.paused_for and it.enabled and not room(it, now=now)
        ],
    )


def _duties(now: datetime) -> Iterator[Metric]:
    duties = list(Duty.objects.order_by("pk"))
    waiting = [it for it in duties if it.leased_until is None or it.leased_until < now]
    yield _family(
        "duty_lag_seconds",
        "For how long a duty has been due that no worker has.",
        ("duty",),
        [((it.name,), _age(it.due_at, now) if it in waiting else 0) for it in duties],
    )
    yield _family(
        "duty_failures",
        "How many times in a row a duty has failed.",
        ("duty",),
        [((it.name,), it.failures) for it in duties],
    )


def _family(
    name: str,
    purpose: str,
    labels: Sequence[str],
    samples: Iterable[tuple[Sequence[str], float | None]],
) -> Metric:
    family = GaugeMetricFamily(f"relaypanel_{name}", purpose, labels=labels)
    for values, number in samples:
        if number is not None:
            family.add_metric(values, number)
    return family


def _name(provider_id: int | None) -> str:
    return "none" if provider_id is None else str(provider_id)


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())


def _units(amount_e8: int | None) -> float | None:
    # Prometheus knows no other numbers, and what it is told moves no money.
    return None if amount_e8 is None else amount_e8 / money.ONE_E8
